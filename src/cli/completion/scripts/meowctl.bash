# Completion of meowctl, for bash 3.2 and newer.

_meowctl() {
  local line=${COMP_LINE:0:COMP_POINT} word value rule at
  local -a typed
  # Bash splits words at "=" and ":"; what has no blank between is one word.
  for ((at = 0; at <= COMP_CWORD; at++)); do
    word=${COMP_WORDS[at]}
    if [[ $at == 0 || $line == [[:space:]]* ]]; then
      line=${line#"${line%%[![:space:]]*}"}
      typed[${#typed[@]}]=${line:0:${#word}}
    else
      typed[${#typed[@]} - 1]+=${line:0:${#word}}
    fi
    line=${line:${#word}}
  done

  local last=$((${#typed[@]} - 1)) current
  current=${typed[last]#[\"\']}
  [[ $current == --*=* ]] && current=${current#*=}
  COMPREPLY=()
  # The words go there as they were typed: nothing in them is run, nor in what comes back.
  while IFS=$'\t' read -r value _; do
    case $value in
      :*) rule=$value ;;
      "$current"*) COMPREPLY[${#COMPREPLY[@]}]=$value ;;
    esac
  done < <(command meowctl __complete -- "${typed[@]:1}" 2>/dev/null)

  # What is not there in bash 3.2 goes without.
  compopt -o nosort 2>/dev/null
  case $rule in
    :files)
      # Without a word of ours, bash completes files by itself.
      ((${#COMPREPLY[@]})) || return 0
      compopt -o filenames 2>/dev/null
      while IFS= read -r value; do
        COMPREPLY[${#COMPREPLY[@]}]=$value
      done < <(compgen -f -- "$current")
      ;;
    :folders) compopt +o default +o bashdefault -o dirnames 2>/dev/null ;;
    :commands)
      compopt +o default +o bashdefault 2>/dev/null
      while IFS= read -r value; do
        COMPREPLY[${#COMPREPLY[@]}]=$value
      done < <(compgen -c -- "$current")
      ;;
    *) compopt +o default +o bashdefault 2>/dev/null ;;
  esac
  return 0
}

complete -o default -o bashdefault -F _meowctl meowctl
