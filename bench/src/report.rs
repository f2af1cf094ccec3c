//! Results: medians with counts, ratios, targets.

use std::fs::{File, OpenOptions};
use std::io::Write;

use serde::Serialize;

#[derive(Serialize)]
pub struct Row<'a> {
    pub section: &'a str,
    pub case: &'a str,
    pub subject: &'a str,
    pub metric: &'a str,
    pub unit: &'a str,
    pub n: usize,
    pub p50: f64,
    pub p95: f64,
    /// `p50` as a multiple of the subject that it is measured against.
    pub ratio: Option<f64>,
    pub against: Option<&'a str>,
    /// In words: `<= 1.3 x`
    pub target: Option<String>,
    pub met: Option<bool>,
}

/// What is to be reached.
#[derive(Clone, Copy)]
pub enum Target {
    RatioAtMost(f64),
    RatioAtLeast(f64),
    AtMost(f64),
}

pub struct Report {
    file: File,
    targets: usize,
    missed: usize,
}

/// What was measured of one subject.
pub struct Case<'a> {
    pub section: &'a str,
    pub case: &'a str,
    pub subject: &'a str,
    pub metric: &'a str,
    pub unit: &'a str,
    pub samples: &'a [f64],
}

impl Report {
    pub fn open(path: &str) -> anyhow::Result<Self> {
        if let Some(parent) = std::path::Path::new(path).parent() {
            std::fs::create_dir_all(parent)?;
        }
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self {
            file,
            targets: 0,
            missed: 0,
        })
    }

    pub fn add(
        &mut self,
        case: &Case<'_>,
        against: Option<(&str, &[f64])>,
        target: Option<Target>,
    ) -> anyhow::Result<()> {
        let (p50, p95) = (
            percentile(case.samples, 0.5),
            percentile(case.samples, 0.95),
        );
        let ratio = against.map(|(_, samples)| p50 / percentile(samples, 0.5));
        let (words, met) = match target {
            None => (None, None),
            Some(Target::RatioAtMost(x)) => (Some(format!("<= {x} x")), ratio.map(|r| r <= x)),
            Some(Target::RatioAtLeast(x)) => (Some(format!(">= {x} x")), ratio.map(|r| r >= x)),
            Some(Target::AtMost(x)) => (Some(format!("<= {x} {}", case.unit)), Some(p50 <= x)),
        };
        if let Some(met) = met {
            self.targets += 1;
            self.missed += usize::from(!met);
        }
        let row = Row {
            section: case.section,
            case: case.case,
            subject: case.subject,
            metric: case.metric,
            unit: case.unit,
            n: case.samples.len(),
            p50,
            p95,
            ratio,
            against: against.map(|(name, _)| name),
            target: words.clone(),
            met,
        };
        writeln!(self.file, "{}", serde_json::to_string(&row)?)?;
        let beside = ratio
            .zip(row.against)
            .map_or(String::new(), |(r, a)| format!("  {r:.2} x {a}"));
        let verdict = words.zip(met).map_or(String::new(), |(w, m)| {
            format!("  target {w}: {}", if m { "met" } else { "MISSED" })
        });
        println!(
            "{:<8} {:<22} {:<14} {:<10} p50 {:>9.3} p95 {:>9.3} {:<5} n {}{beside}{verdict}",
            case.section,
            case.case,
            case.subject,
            case.metric,
            p50,
            p95,
            case.unit,
            case.samples.len()
        );
        Ok(())
    }

    pub fn end(&self) {
        println!("{} targets, {} missed", self.targets, self.missed);
    }
}

/// Of samples in any order; nearest rank.
pub fn percentile(samples: &[f64], p: f64) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = ((sorted.len() as f64 * p).ceil() as usize).clamp(1, sorted.len().max(1));
    sorted.get(rank - 1).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    #[test]
    fn percentiles_are_samples() {
        let samples = [4.0, 1.0, 3.0, 2.0];
        assert_eq!(super::percentile(&samples, 0.5), 2.0);
        assert_eq!(super::percentile(&samples, 0.95), 4.0);
        assert_eq!(super::percentile(&samples, 0.0), 1.0);
        assert!(super::percentile(&[], 0.5).is_nan());
    }
}
