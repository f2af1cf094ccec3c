//! In which order templates are listed, and prepared.

/// Those in the binary: what most people come for first, what has nothing in it last.
const ORDER: [&str; 19] = [
    "react",
    "node",
    "python",
    "next",
    "html",
    "vue",
    "express",
    "flask",
    "svelte",
    "django",
    "go",
    "rust",
    "java",
    "c",
    "cpp",
    "python-console",
    "node-console",
    "bash",
    "blank",
];

/// Its place. An operator's own templates come before ours, by their names: `None` is less.
pub fn rank(name: &str) -> Option<usize> {
    ORDER.iter().position(|known| *known == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_of_ours_has_a_place_and_none_has_two() {
        let mut ordered = ORDER.to_vec();
        ordered.sort_unstable();
        let embedded = super::super::files::embedded();
        assert_eq!(ordered, embedded.keys().collect::<Vec<_>>());
    }

    #[test]
    fn an_operators_own_come_first_and_blank_last() {
        let mut names = ["blank", "zebra", "react", "python"];
        names.sort_by_key(|n| rank(n));
        assert_eq!(names, ["zebra", "react", "python", "blank"]);
    }
}
