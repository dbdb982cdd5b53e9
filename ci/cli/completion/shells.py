"""The completion scripts of the shells, and how each passes on what was typed.

Click's own protocol: with `_DOCKWRIGHT_COMPLETE=bash_complete` in the environment, `dockwright` prints the
candidates instead of running a command. Importing this module registers the classes with click.
"""

from __future__ import annotations

import os
from typing import ClassVar

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    add_completion_class,
    shell_complete,
    split_arg_string,
)

VARIABLE = "_DOCKWRIGHT_COMPLETE"


def answer(cli: click.Command, instruction: str) -> int:
    """Print what a shell asks for by the value of `VARIABLE`, such as `bash_complete`; return the exit code.

    An error prints nothing: it would stand in the middle of the line that is being typed.
    """
    try:
        return shell_complete(cli, {}, "dockwright", VARIABLE, instruction)
    except Exception:
        return 1


def whole_words(shell: ShellComplete, args: list[str], incomplete: str) -> list[CompletionItem[str]]:
    """Return the candidates as whole words: click's for `--engine=bu` lack `--engine=`."""
    found = ShellComplete.get_completions(shell, args, incomplete)
    option, equals, _ = incomplete.partition("=")
    if not equals or not option.startswith("-"):
        return found
    return [_changed(item, f"{option}={item.value}") for item in found]


def _changed(item: CompletionItem[str], value: str) -> CompletionItem[str]:
    return CompletionItem(value, type=item.type, help=item.help)


class Bash(BashComplete):
    """Bash takes a colon for the end of a word, so it gets only what follows the last colon."""

    source_template: ClassVar[str] = """\
%(complete_func)s() {
    local IFS=$'\\n' line type value
    COMPREPLY=()
    while IFS=, read -r type value; do
        case $type in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            plain) COMPREPLY+=("$value") ;;
        esac
    done < <(COMP_TYPED="${COMP_LINE:0:COMP_POINT}" COMP_BREAKS="$COMP_WORDBREAKS" \\
        %(complete_var)s=bash_complete "${1/#\\~/$HOME}" 2>/dev/null)
}
complete -o nosort -F %(complete_func)s %(prog_name)s
"""

    def source(self) -> str:
        """Return the script; click's own asks bash for its version."""
        return self.source_template % self.source_vars()

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the words before the one that is typed, and that one."""
        typed = os.environ.get("COMP_TYPED", "")
        words = split_arg_string(typed)[1:]
        incomplete = words.pop() if words and not typed[-1:].isspace() else ""
        return words, incomplete

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem[str]]:
        """Return the candidates, each without what bash has as words of their own."""
        breaks = os.environ.get("COMP_BREAKS", "")
        start = max((incomplete.rfind(sign) + 1 for sign in "=:" if sign in breaks), default=0)
        return [_changed(item, item.value[start:]) for item in whole_words(self, args, incomplete)]


class Zsh(ZshComplete):
    """Click's script asks for the program in PATH; this one asks the program that was typed."""

    source_template: ClassVar[str] = """\
#compdef %(prog_name)s
%(complete_func)s() {
    local -a plain described lines
    local type value help
    lines=("${(@f)$(COMP_WORDS="${words[*]}" COMP_CWORD=$((CURRENT-1)) %(complete_var)s=zsh_complete \\
        "${words[1]/#\\~/$HOME}" 2>/dev/null)}")
    for type value help in $lines; do
        case $type in
            plain) if [[ $help == _ ]]; then plain+=("$value"); else described+=("$value:$help"); fi ;;
            dir) _path_files -/ ;;
            file) _path_files -f ;;
        esac
    done
    (( $#described )) && _describe -V unsorted described -U
    (( $#plain )) && compadd -U -V unsorted -a plain
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    %(complete_func)s "$@"
else
    compdef %(complete_func)s %(prog_name)s
fi
"""

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem[str]]:
        """Return the candidates as whole words."""
        return whole_words(self, args, incomplete)


class Fish(FishComplete):
    """Click's script asks for the program in PATH; this one asks the program that was typed."""

    source_template: ClassVar[str] = """\
function %(complete_func)s
    set -l words (commandline -opc)
    set -l program (string replace -r '^~' $HOME -- $words[1])
    for line in (COMP_WORDS=(commandline -cp | string collect) COMP_CWORD=(commandline -t | string collect) \\
        %(complete_var)s=fish_complete $program 2>/dev/null)
        set -l found (string split -m 1 , -- $line)
        switch $found[1]
            case dir
                __fish_complete_directories $found[2]
            case file
                __fish_complete_path $found[2]
            case plain
                echo $found[2]
        end
    end
end
complete --no-files --command %(prog_name)s --arguments "(%(complete_func)s)"
"""

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem[str]]:
        """Return the candidates as whole words."""
        return whole_words(self, args, incomplete)


SHELLS = {"bash": Bash, "zsh": Zsh, "fish": Fish}

for _shell in SHELLS.values():
    add_completion_class(_shell)
