//! Shell integration: bash says where its prompt, a command's output and its end are (OSC 133, the
//! "semantic prompts" that FinalTerm brought up and most terminals read).
//!
//! `A` begins the prompt, `B` ends it, `C` begins the output, `D;<exit code>` ends it. Bash evaluates the
//! script before its first prompt; it puts itself after what the user's own files add, and takes itself out
//! of the environment of programs. Files that set `PROMPT_COMMAND` anew leave a shell without marks.

/// Evaluated as `PROMPT_COMMAND`, until it has put its function there (bash(1), PROMPTING).
const FIRST: &str = "eval \"$ALCOVE_PROMPT\"";

const SCRIPT: &str = r#"__alcove_prompt() {
  local code=$?
  [[ $__alcove_ran ]] && printf '\e]133;D;%s\a' "$code"
  __alcove_ran=
  [[ $PS1 == *'133;A'* ]] || PS1='\[\e]133;A\a\]'$PS1'\[\e]133;B\a\]'
  return "$code"
}
__alcove_ran= __alcove_none=x
PS0='\e]133;C\a${__alcove_none:0:$((__alcove_ran=1,0))}'${PS0-}
PROMPT_COMMAND=${PROMPT_COMMAND//'eval "$ALCOVE_PROMPT"'/__alcove_prompt}
export -n PROMPT_COMMAND
unset ALCOVE_PROMPT
__alcove_prompt"#;

/// What a shell's environment needs for it; nothing for another shell than bash.
pub fn environment(shell: &str) -> &'static [(&'static str, &'static str)] {
    match shell.rsplit('/').next() {
        Some("bash") => &[("PROMPT_COMMAND", FIRST), ("ALCOVE_PROMPT", SCRIPT)],
        _ => &[],
    }
}
