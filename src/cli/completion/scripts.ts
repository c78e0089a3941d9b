import bash from './scripts/meowctl.bash';
import fish from './scripts/meowctl.fish';
import zsh from './scripts/meowctl.zsh';

/*
 * Each asks `meowctl __complete -- words…` at every Tab, the last of them the one that is being typed.
 * The answer has a line for each word that may stand there, `word<Tab>about it`, and a last one that
 * says what else the shell is to offer by itself: `:none`, `:files`, `:folders` or `:commands`.
 *
 * The words of a command line are handed over as they stand there and are never run, and neither is
 * anything that comes back: a name in Redis, or a `$(…)` half typed, is nobody's command. Only
 * `meowctl` from PATH is asked, whatever was typed in front of it: Tab starts no program of the folder
 * one is in.
 *
 * The directory scripts/ is text to the bundle, as Lua is: see scripts/lua.mjs.
 */

/** Each with how it is loaded. */
export const scripts = {
  bash: {
    text: bash,
    now: 'source <(meowctl completion bash)',
    forGood: 'the same line in ~/.bashrc',
  },
  zsh: {
    text: zsh,
    now: 'source <(meowctl completion zsh)',
    forGood: 'the same line in ~/.zshrc, below compinit',
  },
  fish: {
    text: fish,
    now: 'meowctl completion fish | source',
    forGood: 'meowctl completion fish > ~/.config/fish/completions/meowctl.fish',
  },
};
