#compdef meowctl
# Completion of meowctl, for zsh.

_meowctl() {
  local line value about rule ret=1
  local -a typed described
  # Quotes are taken off, and nothing else: no word is run, nor what comes back.
  typed=("${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}")

  for line in "${(@f)$(command meowctl __complete -- "${typed[@]}" 2>/dev/null)}"; do
    value=${line%%$'\t'*}
    about=${line#*$'\t'}
    case $value in
      '') ;;
      :*) rule=$value ;;
      *) described+=("${${value//\\/\\\\}//:/\\:}:$about") ;;
    esac
  done

  [[ $PREFIX == --*=* ]] && compset -P '*='
  (( $#described )) && _describe -V 'meowctl' described && ret=0
  case $rule in
    :files) _files && ret=0 ;;
    :folders) _files -/ && ret=0 ;;
    :commands) _command_names -e && ret=0 ;;
  esac
  return ret
}

if [[ ${funcstack[1]} == _meowctl ]]; then
  _meowctl "$@"
elif (( $+functions[compdef] )); then
  compdef _meowctl meowctl
fi
