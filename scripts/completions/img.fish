# SPDX-License-Identifier: MIT
# fish completion of img: the tags of the store and, behind `img pull NAME:`, those of the registry.

function __img_candidates
    set -l words (commandline -opc)
    if contains -- "$words[2]" image system; and test (count $words) -gt 2
        set -e words[2]
    end
    img --complete "$words[2]" (commandline -ct) 2>/dev/null
end
complete -c img -n '__fish_use_subcommand' -f -a "(img --complete '' '' 2>/dev/null)"
complete -c img -n 'not __fish_use_subcommand; and not __fish_seen_subcommand_from load import' -f -a '(__img_candidates)'
complete -c img -n '__fish_seen_subcommand_from load import' -F
complete -c img -n '__fish_seen_subcommand_from save export' -s o -l output -rF
complete -c img -n '__fish_seen_subcommand_from verify' -l key -rF
