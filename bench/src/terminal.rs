//! A keystroke's echo and a program's output, through Alcove and through the bare peer, in turns.

use std::time::Instant;

use alcove_testkit::Server;
use anyhow::Context;

use crate::line::{LIMIT, Line};
use crate::peer::Peer;
use crate::report::{Case, Report, Target};
use crate::{Options, block_on};

/// Keystrokes of one turn, and turns.
const KEYS: usize = 400;
const TURNS: usize = 6;
/// Output of one turn.
const OUTPUT_BYTES: u64 = 64 << 20;

/// Milliseconds from each key to its echo.
async fn keys(line: &mut Line) -> anyhow::Result<Vec<f64>> {
    let mut samples = Vec::with_capacity(KEYS);
    for i in 0..KEYS {
        if i % 60 == 59 {
            // A line is not to grow without end; `cat` answers with it.
            line.send("\n").await?;
            line.until("x\r\n").await?;
            continue;
        }
        let began = Instant::now();
        line.send("x").await?;
        tokio::time::timeout(LIMIT, line.take()).await??;
        samples.push(began.elapsed().as_secs_f64() * 1000.0);
    }
    Ok(samples)
}

/// MB/s of a flood.
async fn flood(line: &mut Line) -> anyhow::Result<f64> {
    line.send(&format!(
        "head -c {OUTPUT_BYTES} /dev/zero | tr '\\0' 'y' | fold -w 100; echo e''nd\n"
    ))
    .await?;
    let began = Instant::now();
    let (mut seen, mut tail) = (0u64, Vec::new());
    loop {
        let piece = tokio::time::timeout(LIMIT, line.take())
            .await
            .context("the flood stopped")??;
        seen += piece.len() as u64;
        // The prompt comes after it.
        tail.extend_from_slice(&piece[piece.len().saturating_sub(256)..]);
        tail.drain(..tail.len().saturating_sub(512));
        if seen > OUTPUT_BYTES && String::from_utf8_lossy(&tail).contains("end") {
            return Ok(seen as f64 / 1e6 / began.elapsed().as_secs_f64());
        }
    }
}

/// Both servers, and a terminal of each.
struct Both {
    _peer: Peer,
    server: Server,
    alcove: Line,
    bare: Line,
}

async fn both(options: &Options) -> anyhow::Result<Both> {
    let server = Server::start(options.server().arg("--network", "none")).await?;
    let repl = server.create("blank").await?;
    let alcove = Line::of_repl(&server, &repl).await?;
    let peer = Peer::start().await?;
    let bare = Line::of_peer(peer.port).await?;
    Ok(Both {
        _peer: peer,
        server,
        alcove,
        bare,
    })
}

pub fn echo(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    block_on(async {
        let mut both = both(options).await?;
        for line in [&mut both.alcove, &mut both.bare] {
            line.send("echo re''ady; exec cat\n").await?;
            line.until("ready").await?;
            // Warm, and past the prompt.
            keys(line).await?;
        }
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..TURNS {
            theirs.extend(keys(&mut both.bare).await?);
            ours.extend(keys(&mut both.alcove).await?);
        }
        let case = |subject, samples| Case {
            section: "echo",
            case: "key in cat",
            subject,
            metric: "round trip",
            unit: "ms",
            samples,
        };
        report.add(&case("bare", &theirs), None, None)?;
        report.add(
            &case("alcove", &ours),
            Some(("bare", &theirs)),
            Some(Target::RatioAtMost(1.3)),
        )?;
        both.server.stop().await?;
        Ok(())
    })
}

pub fn output(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    block_on(async {
        let mut both = both(options).await?;
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..TURNS {
            theirs.push(flood(&mut both.bare).await?);
            ours.push(flood(&mut both.alcove).await?);
        }
        let case = |subject, samples| Case {
            section: "output",
            case: "64 MiB of lines",
            subject,
            metric: "throughput",
            unit: "MB/s",
            samples,
        };
        report.add(&case("bare", &theirs), None, None)?;
        report.add(
            &case("alcove", &ours),
            Some(("bare", &theirs)),
            Some(Target::RatioAtLeast(1.0)),
        )?;
        // Programs make way for others once there are any.
        let other = both.server.create("blank").await?;
        let _other = Line::of_repl(&both.server, &other).await?;
        let mut beside = Vec::new();
        for _ in 0..TURNS {
            beside.push(flood(&mut both.alcove).await?);
        }
        let crowded = Case {
            case: "the same beside another repl",
            ..case("alcove", &beside)
        };
        report.add(&crowded, Some(("bare", &theirs)), None)?;
        // A flood that is cut short by a key.
        let mut cuts = Vec::new();
        for i in 0..20 {
            both.alcove.send("yes\n").await?;
            both.alcove.until("y\r\ny\r\ny").await?;
            let began = Instant::now();
            both.alcove.send("\x03").await?;
            both.alcove.until("^C").await?;
            cuts.push(began.elapsed().as_secs_f64() * 1000.0);
            both.alcove.send(&format!("echo ne''xt{i}\n")).await?;
            both.alcove.until(&format!("next{i}")).await?;
        }
        let case = Case {
            section: "output",
            case: "Ctrl-C during a flood",
            subject: "alcove",
            metric: "to ^C",
            unit: "ms",
            samples: &cuts,
        };
        report.add(&case, None, Some(Target::AtMost(5.0)))?;
        both.server.stop().await?;
        Ok(())
    })
}
