//! How much repls may hold in the store, and the words for it.

use alcove_protocol::api::{Saved, Usage};
use alcove_volume::{Outcome, Size};

/// Names of files that are told.
const TOLD: usize = 20;

/// How much may be in the store.
#[derive(Debug, Clone, Copy)]
pub struct Quotas {
    /// Of one repl,
    pub repl: Size,
    /// and of all repls of one user together, those in the bin included.
    pub user: Size,
}

impl Quotas {
    /// What a repl may hold whose owner's other repls hold `others`.
    pub fn of_repl(&self, others: Size) -> Size {
        self.repl.at_most(self.user.less(others))
    }

    pub fn usage_of_repl(&self, used: Size) -> Usage {
        usage(used, self.repl)
    }

    pub fn usage_of_user(&self, used: Size) -> Usage {
        usage(used, self.user)
    }

    /// Why what a checkpoint refused is not saved; `None` when it refused nothing.
    pub(super) fn partly(&self, outcome: &Outcome, quota: Size) -> Option<Saved> {
        let files = outcome.refused_files();
        let what = match (files, outcome.beyond) {
            (0, _) => return None,
            (1, _) => "One file is not saved: it",
            (_, 0) => &format!("{files} files are not saved: they"),
            _ => &format!(
                "At least {files} files are not saved (names count, too: 128 bytes for each file that may be \
                 saved): they"
            ),
        };
        let message = match quota == self.repl {
            true => format!(
                "{what} would exceed what this repl may hold ({}). Delete something, or name folders \
                 that need not be saved under `caches` in alcove.toml.",
                words(self.repl)
            ),
            false => format!(
                "{what} would exceed what all your repls may hold together ({}). Delete something here, \
                 or other repls, and empty the bin.",
                words(self.user)
            ),
        };
        Some(Saved::Partly {
            files,
            paths: outcome.refused.iter().take(TOLD).cloned().collect(),
            message,
        })
    }

    /// Why nothing of that size can be added to what a user has.
    pub fn refusal(&self, used: Size, more: Size) -> Option<String> {
        let then = used.and(more);
        let repl = (!more.is_within(self.repl)).then(|| {
            format!(
                "It is larger than a repl may be: {} of {}.",
                words(more),
                words(self.repl)
            )
        });
        repl.or_else(|| {
            (!then.is_within(self.user)).then(|| {
                format!(
                    "With it your repls would hold {} of {}: delete some first, and empty the bin.",
                    words(then),
                    words(self.user)
                )
            })
        })
    }
}

fn usage(used: Size, most: Size) -> Usage {
    Usage {
        bytes: used.bytes,
        files: used.files,
        max_bytes: most.bytes,
        max_files: most.files,
    }
}

/// `1.5 GiB in 2000 files`.
fn words(size: Size) -> String {
    format!("{} in {} files", size_in_words(size.bytes), size.files)
}

/// `1.5 GiB`.
pub fn size_in_words(bytes: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = "bytes";
    for next in units {
        if value < 1024.0 {
            break;
        }
        (value, unit) = (value / 1024.0, next);
    }
    match unit {
        "bytes" => format!("{bytes} bytes"),
        _ => format!("{} {unit}", (value * 10.0).round() / 10.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUOTAS: Quotas = Quotas {
        repl: Size {
            bytes: 1000,
            files: 10,
        },
        user: Size {
            bytes: 3 << 30,
            files: 20,
        },
    };

    #[test]
    fn sizes_are_told_as_people_read_them() {
        let told = [0, 1023, 1024, 1536, 10 << 30, u64::MAX].map(size_in_words);
        let wanted = [
            "0 bytes",
            "1023 bytes",
            "1 KiB",
            "1.5 KiB",
            "10 GiB",
            "16777216 TiB",
        ];
        assert_eq!(told, wanted);
    }

    #[test]
    fn what_fits_is_not_refused() {
        let size = |bytes, files| Size { bytes, files };
        assert_eq!(QUOTAS.refusal(size(0, 10), size(1000, 10)), None);
        let large = QUOTAS.refusal(size(0, 0), size(1001, 1)).unwrap();
        assert!(large.contains("larger than a repl"), "{large}");
        let many = QUOTAS.refusal(size(0, 11), size(1000, 10)).unwrap();
        assert!(many.contains("21 files of 3 GiB in 20 files"), "{many}");
    }

    #[test]
    fn it_is_said_whose_quota_it_is() {
        let outcome = Outcome {
            refused: vec!["workspace/a".into()],
            ..Outcome::default()
        };
        let said = |quota| match QUOTAS.partly(&outcome, quota) {
            Some(Saved::Partly { message, .. }) => message,
            other => panic!("{other:?}"),
        };
        assert!(said(QUOTAS.repl).contains("this repl may hold (1000 bytes in 10 files)"));
        let left = QUOTAS.of_repl(Size {
            bytes: 0,
            files: 15,
        });
        assert_eq!(left.files, 5);
        assert!(said(left).contains("all your repls"));
        assert_eq!(QUOTAS.partly(&Outcome::default(), left), None);
    }
}
