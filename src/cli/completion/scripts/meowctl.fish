# Completion of meowctl, for fish 3.1 and newer.

function __meowctl_complete
    # Without quotes, and as they were typed: nothing in them is run, nor in what comes back.
    set -l typed (commandline --current-process --tokenize --cut-at-cursor)
    set -l current (commandline --current-token --cut-at-cursor)
    while set -q typed[1]; and not string match --quiet --regex '(^|/)meowctl$' -- $typed[1]
        set --erase typed[1]
    end
    set --erase typed[1]

    # fish wants the whole word, also where only its end is a value.
    set -l flag (string match --regex '^--[^=]+=' -- $current)
    set -l value (string replace -- "$flag" '' $current)
    set -l rule :none
    for line in (command meowctl __complete -- $typed "$current" 2>/dev/null)
        if string match --quiet -- ':*' $line
            set rule $line
        else
            echo -- "$flag$line"
        end
    end
    switch $rule
        case :files
            # As fish completes a word behind a command that it knows nothing of.
            for path in (complete --do-complete "'' $value")
                echo -- "$flag$path"
            end
        case :folders
            for path in (__fish_complete_directories "$value" '')
                echo -- "$flag$path"
            end
        case :commands
            complete --do-complete "$current"
    end
end

complete --command meowctl --no-files --keep-order --arguments '(__meowctl_complete)'
