//! A document as a page has it open.

use alcove_protocol::WorkspacePath;
use alcove_protocol::binary::{document as kind, frame};
use alcove_protocol::session::{ClientMessage, RunnerMessage};
use anyhow::{Context, bail};
use futures_util::SinkExt;
use tokio_tungstenite::tungstenite::Message;
use yrs::updates::decoder::Decode;
use yrs::updates::encoder::Encode;
use yrs::{Doc, GetString, ReadTxn, StateVector, Text, TextRef, Transact, Update};

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

    /// Opens the document on a later session, and brings it what it lacks, as a page does that was away.
    /// `false`: it has another epoch by now, and nothing was done.
    pub async fn reopen(&mut self, session: &mut Session, path: &str) -> anyhow::Result<bool> {
        let path: WorkspacePath = path.parse().map_err(|e| anyhow::anyhow!("{e}"))?;
        let epoch = Some(self.epoch.clone());
        let (channel, epoch) = match session
            .ask(ClientMessage::DocumentOpen { path, epoch })
            .await?
        {
            RunnerMessage::DocumentOpened { channel, epoch, .. } => (channel, epoch),
            other => bail!("not opened: {other:?}"),
        };
        if epoch != self.epoch {
            return Ok(false);
        }
        self.channel = channel;
        let theirs = self.payload(session, kind::STATE_VECTOR).await?;
        let theirs = StateVector::decode_v1(&theirs)?;
        let (lacking, vector) = {
            let transaction = self.doc.transact();
            let lacking = transaction.encode_state_as_update_v1(&theirs);
            (lacking, transaction.state_vector().encode_v1())
        };
        for (kind, payload) in [(kind::UPDATE, lacking), (kind::STATE_VECTOR, vector)] {
            let frame = frame(channel, kind, None, &payload);
            session.socket.send(Message::binary(frame)).await?;
        }
        self.next(session).await?;
        Ok(true)
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

    /// Characters of this page's own insertions that the runner has said to be on disk by now, in what
    /// the session has taken.
    pub fn on_disk(&self, session: &mut Session) -> anyhow::Result<u32> {
        let mut chars = 0;
        for (channel, kind, payload) in &session.binary {
            if (*channel, *kind) == (self.channel, kind::ON_DISK) {
                chars = StateVector::decode_v1(payload)?.get(&self.doc.client_id());
            }
        }
        Ok(chars)
    }

    /// Takes in an update, once one is there.
    async fn next(&mut self, session: &mut Session) -> anyhow::Result<()> {
        let update = self.payload(session, kind::UPDATE).await?;
        let update = Update::decode_v1(&update)?;
        self.doc.transact_mut().apply_update(update)?;
        Ok(())
    }

    /// Takes in the updates that have come, without waiting for any.
    pub fn catch_up(&mut self, session: &mut Session) -> anyhow::Result<()> {
        while let Some(update) = self.take(session, kind::UPDATE) {
            let update = Update::decode_v1(&update)?;
            self.doc.transact_mut().apply_update(update)?;
        }
        Ok(())
    }

    fn take(&self, session: &mut Session, wanted: u8) -> Option<Vec<u8>> {
        let mut frames = session.binary.iter();
        let at = frames.position(|(channel, kind, _)| (*channel, *kind) == (self.channel, wanted));
        at.map(|at| session.binary.remove(at).2)
    }

    /// Takes frames until there is one of a kind on this document's channel; its payload.
    async fn payload(&self, session: &mut Session, kind: u8) -> anyhow::Result<Vec<u8>> {
        let deadline = tokio::time::Instant::now() + DEADLINE;
        loop {
            if let Some(payload) = self.take(session, kind) {
                return Ok(payload);
            }
            if let Some(frame) = tokio::time::timeout_at(deadline, session.take())
                .await
                .with_context(|| format!("no frame of kind {kind}"))??
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
