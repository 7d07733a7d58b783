/**
 * `xoq completions SHELL`: a script that asks `xoq complete` while the user types, so that it never
 * falls behind the commands there are.
 *
 * @module
 */
import { UsageError } from "../../errors.ts";
import { type Command, defineCommand } from "../command.ts";

const BASH = `# xoq's completions for bash: eval "$(xoq completions bash)"
_xoq() {
  local cur words cword line
  # Words as bash splits them end at = and :, which flags and tickets contain.
  if declare -F _get_comp_words_by_ref >/dev/null; then
    _get_comp_words_by_ref -n =: cur words cword
  else
    words=("\${COMP_WORDS[@]}"); cword=$COMP_CWORD; cur="\${COMP_WORDS[COMP_CWORD]}"
  fi
  COMPREPLY=()
  while IFS= read -r line; do
    [[ -n "$line" ]] && COMPREPLY+=("$line")
  done < <("\${words[0]}" complete -- "\${words[@]:1:cword}" 2>/dev/null)
  if declare -F __ltrim_colon_completions >/dev/null; then
    __ltrim_colon_completions "$cur"
  fi
}
complete -o default -F _xoq xoq
`;

const ZSH = `#compdef xoq
# xoq's completions for zsh: eval "$(xoq completions zsh)", or as _xoq in a folder of $fpath
_xoq() {
  local -a proposals
  proposals=("\${(@f)$("\${words[1]}" complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  proposals=("\${(@)proposals:#}")
  if (( \${#proposals} )); then
    compadd -a proposals
  else
    _files
  fi
}
if [ "$funcstack[1]" = "_xoq" ]; then _xoq "$@"; else compdef _xoq xoq; fi
`;

const FISH = `# xoq's completions for fish: xoq completions fish | source
function __xoq_complete
  set -l words (commandline -opc) (commandline -ct)
  set -l proposals ($words[1] complete -- $words[2..-1] 2>/dev/null)
  if set -q proposals[1]
    printf '%s\\n' $proposals
  else
    __fish_complete_path (commandline -ct)
  end
end
complete -c xoq -f -a '(__xoq_complete)'
`;

const SCRIPTS: Readonly<Record<string, string>> = { bash: BASH, zsh: ZSH, fish: FISH };

/** The command. */
export const completionsCommand: Command = defineCommand({
  positionals: [{
    value: "bash|zsh|fish",
    brief: "the shell",
    propose: (partial) =>
      Promise.resolve(Object.keys(SCRIPTS).filter((shell) => shell.startsWith(partial))),
  }],
  options: {},
  examples: [
    ['eval "$(xoq completions bash)"', "in ~/.bashrc"],
    ['eval "$(xoq completions zsh)"', "in ~/.zshrc, behind compinit"],
    ["xoq completions fish | source", "in ~/.config/fish/config.fish"],
  ],
  run: ([shell = ""], _values, { output }) => {
    const script = SCRIPTS[shell];
    if (script === undefined) {
      throw new UsageError(`there are no completions for ${JSON.stringify(shell)}`, {
        hint: `shells are ${Object.keys(SCRIPTS).join(", ")}`,
      });
    }
    output.print(script);
    return Promise.resolve();
  },
});
