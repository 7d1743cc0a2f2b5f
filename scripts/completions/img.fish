# SPDX-License-Identifier: MIT
# fish completion of img: commands, options and their values, the tags of the store and, behind `img pull NAME:`, those of the
# registry. A slash alone stands for the names of files.

function __img_candidates
    set -l words (commandline -opc)
    set -l before $words[-1]
    if contains -- "$words[2]" image system; and test (count $words) -gt 2
        set -e words[2]
    end
    for found in (img --complete "$words[2]" (commandline -ct) "$before" 2>/dev/null)
        if test "$found" = /
            __fish_complete_path (commandline -ct)
        else
            echo $found
        end
    end
end
complete -c img -f -a '(__img_candidates)'
