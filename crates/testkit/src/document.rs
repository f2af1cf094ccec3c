//! A document as a page has it open.

use alcove_protocol::WorkspacePath;
use alcove_protocol::binary::{document as kind, frame};
use alcove_protocol::session::{ClientMessage, RunnerMessage};
use anyhow::{Context, bail};
use futures_util::SinkExt;
use tokio_tungstenite::tungstenite::Message;
use yrs::updates::decoder::Decode;
use yrs::updates::encoder::Encode;
use yrs::{Doc, GetString, ReadTxn, Text, TextRef, Transact, Update};

use crate::{DEADLINE, Session};

pub struct Document {
    pub channel: u32,
    pub epoch: String,
    doc: Doc,
    text: TextRef,
}

impl Document {
    pub async fn open(session: &mut Session, path: &str) -> anyhow::Result<Self> {
        let path: WorkspacePath = path.parse().map_err(|e| anyhow::anyhow!("{e}"))?;
        match session
            .ask(ClientMessage::DocumentOpen { path, epoch: None })
            .await?
        {
            RunnerMessage::DocumentOpened { channel, epoch, .. } => {
                let doc = Doc::new();
                let text = doc.get_or_insert_text("text");
                let mut document = Self {
                    channel,
                    epoch,
                    doc,
                    text,
                };
                let vector = document.doc.transact().state_vector().encode_v1();
                let ask = frame(channel, kind::STATE_VECTOR, None, &vector);
                session.socket.send(Message::binary(ask)).await?;
                document.next(session).await?;
                Ok(document)
            }
            other => bail!("not opened: {other:?}"),
        }
    }

    pub fn content(&self) -> String {
        self.text.get_string(&self.doc.transact())
    }

    /// Inserts at a UTF-8 offset, and tells the runner.
    pub async fn insert(
        &mut self,
        session: &mut Session,
        at: u32,
        text: &str,
    ) -> anyhow::Result<()> {
        let update = {
            let mut transaction = self.doc.transact_mut();
            self.text.insert(&mut transaction, at, text);
            transaction.encode_update_v1()
        };
        session
            .socket
            .send(Message::binary(frame(
                self.channel,
                kind::UPDATE,
                None,
                &update,
            )))
            .await?;
        Ok(())
    }

    /// Takes frames until one changes this document.
    async fn next(&mut self, session: &mut Session) -> anyhow::Result<()> {
        let deadline = tokio::time::Instant::now() + DEADLINE;
        loop {
            let mine = session
                .binary
                .iter()
                .position(|(c, k, _)| *c == self.channel && *k == kind::UPDATE);
            if let Some(i) = mine {
                let (_, _, payload) = session.binary.remove(i);
                self.doc
                    .transact_mut()
                    .apply_update(Update::decode_v1(&payload)?)?;
                return Ok(());
            }
            if let Some(frame) = tokio::time::timeout_at(deadline, session.take())
                .await
                .context("no update")??
            {
                session.news.push(frame.message);
            }
        }
    }

    /// Waits until the document is as wanted.
    pub async fn until(
        &mut self,
        session: &mut Session,
        wanted: impl Fn(&str) -> bool,
    ) -> anyhow::Result<()> {
        while !wanted(&self.content()) {
            self.next(session)
                .await
                .with_context(|| format!("it is {:?}", self.content()))?;
        }
        Ok(())
    }
}
