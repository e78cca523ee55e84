//! The state of a row: taken for a delivery, and replaced by what the worker publishes for it.

use std::time::Duration;

use bytes::Bytes;
use rusqlite::{Row, params};
use serde_json::{Map, Value as Json};

use super::error::StoreError;
use super::schema::Store;
use crate::domain::record::headers::{Headers, Value};

/// Where the checkpoint is kept.
const CHECKPOINT: &str = "checkpoint";

/// The columns of [`Claim`].
const COLUMNS: &str =
    "id, number, reference, amount, message_id, body, headers, returned FROM places
         JOIN intents ON intents.id = places.intent";

/// A row that was claimed for a delivery.
#[derive(Debug)]
pub(super) struct Claim {
    pub(super) id: i64,
    pub(super) number: i64,
    pub(super) reference: String,
    pub(super) amount: String,
    pub(super) message_id: String,
    pub(super) body: Bytes,
    pub(super) headers: Headers,
    /// How many deliveries of it have ended without anything in its place.
    pub(super) returned: u64,
}

impl Store {
    /// Lets all waits begin at `now`. They do so with each process: no clock says for certain how much
    /// of one is over, and one that was set forward would end a quarantine before its time.
    pub(super) fn begin_waits(&self, now: Duration) -> Result<(), StoreError> {
        let sql = "UPDATE intents SET due = delay + ?1 WHERE state = 'waiting'";
        self.connection.execute(sql, [millis(now)])?;
        Ok(())
    }

    pub(super) fn begin(&self) -> Result<(), StoreError> {
        Ok(self.connection.execute_batch("BEGIN IMMEDIATE")?)
    }

    pub(super) fn commit(&self) -> Result<(), StoreError> {
        Ok(self.connection.execute_batch("COMMIT")?)
    }

    /// After a failure, so that what was committed can be read.
    pub(super) fn roll_back(&self) {
        // Without a transaction, as after a failed commit, there is nothing to roll back.
        self.connection.execute_batch("ROLLBACK").ok();
    }

    /// Claims rows whose wait is over at `now`, those first that have waited longest.
    pub(super) fn claim_due(&self, now: Duration, most: usize) -> Result<Vec<Claim>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} WHERE state = 'waiting' AND due <= ?1 ORDER BY due, id LIMIT ?2"
        );
        self.claim(&sql, millis(now), most)
    }

    /// Claims rows that were never claimed and are below the row `after`, in the file's order.
    pub(super) fn claim_new(&self, after: i64, most: usize) -> Result<Vec<Claim>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} WHERE state = 'queued' AND number > ?1 ORDER BY number LIMIT ?2"
        );
        self.claim(&sql, after, most)
    }

    fn claim(&self, sql: &str, from: i64, most: usize) -> Result<Vec<Claim>, StoreError> {
        let mut find = self.connection.prepare_cached(sql)?;
        let mut rows = find.query(params![from, i64::try_from(most).unwrap_or(i64::MAX)])?;
        let mut claims = Vec::new();
        while let Some(row) = rows.next()? {
            claims.push(claim(row)?);
        }
        let mut mark =
            self.connection.prepare_cached("UPDATE intents SET state = 'claimed' WHERE id = ?1")?;
        for claim in &claims {
            mark.execute([claim.id])?;
        }
        Ok(claims)
    }

    /// When the next row has waited long enough.
    pub(super) fn next_due(&self) -> Result<Option<Duration>, StoreError> {
        let mut find = self.connection.prepare_cached(
            "SELECT due FROM intents JOIN places ON intents.id = places.intent
             WHERE state = 'waiting' ORDER BY due LIMIT 1",
        )?;
        let mut rows = find.query([])?;
        let due: Option<i64> = rows.next()?.map(|row| row.get(0)).transpose()?;
        Ok(due.map(|due| Duration::from_millis(u64::try_from(due).unwrap_or_default())))
    }

    /// The row has its event. One that a person has to look at is parked.
    pub(super) fn end(&self, id: i64, event: &[u8], is_parked: bool) -> Result<(), StoreError> {
        let sql = "UPDATE intents SET state = ?2, event = ?3, delay = NULL, due = NULL
                   WHERE id = ?1";
        let state = if is_parked { "parked" } else { "done" };
        self.connection.prepare_cached(sql)?.execute(params![id, state, event])?;
        Ok(())
    }

    /// What is known of a parked row, for whoever looks at it.
    pub(super) fn park(&self, id: i64, headers: &Headers) -> Result<(), StoreError> {
        let sql = "UPDATE intents SET headers = ?2 WHERE id = ?1";
        self.connection.prepare_cached(sql)?.execute(params![id, written_headers(headers)])?;
        Ok(())
    }

    /// The row waits until `due`, and goes on with this record.
    pub(super) fn put_off(
        &self,
        id: i64,
        headers: &Headers,
        (delay, due): (Duration, Duration),
    ) -> Result<(), StoreError> {
        let sql = "UPDATE intents SET state = 'waiting', headers = ?2, returned = 0, delay = ?3,
                       due = ?4
                   WHERE id = ?1";
        let values = params![id, written_headers(headers), millis(delay), millis(due)];
        self.connection.prepare_cached(sql)?.execute(values)?;
        Ok(())
    }

    /// A delivery has ended without anything in its place: the row comes back at once.
    pub(super) fn give_back(&self, id: i64) -> Result<(), StoreError> {
        let sql =
            "UPDATE intents SET state = 'waiting', returned = returned + 1, delay = 0, due = 0
                   WHERE id = ?1";
        self.connection.prepare_cached(sql)?.execute([id])?;
        Ok(())
    }

    pub(super) fn checkpoint(&self) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.meta(CHECKPOINT)?)
    }

    pub(super) fn keep_checkpoint(&self, body: &[u8]) -> Result<(), StoreError> {
        self.set_meta(CHECKPOINT, body)
    }
}

fn claim(row: &Row<'_>) -> Result<Claim, StoreError> {
    let headers: String = row.get(6)?;
    Ok(Claim {
        id: row.get(0)?,
        number: row.get(1)?,
        reference: row.get(2)?,
        amount: row.get(3)?,
        message_id: row.get(4)?,
        body: Bytes::from(row.get::<_, Vec<u8>>(5)?),
        headers: read_headers(&headers)?,
        returned: u64::try_from(row.get::<_, i64>(7)?).unwrap_or_default(),
    })
}

/// The headers of a record as a JSON object of texts and whole numbers.
fn written_headers(headers: &Headers) -> String {
    let json = headers.iter().map(|(name, value)| {
        let value = match value {
            Value::Text(text) => Json::from(text.as_str()),
            Value::Number(number) => Json::from(*number),
        };
        (name.clone(), value)
    });
    Json::Object(json.collect()).to_string()
}

pub(super) fn read_headers(json: &str) -> Result<Headers, StoreError> {
    let damaged = || StoreError::Damaged("record");
    let json: Map<String, Json> = serde_json::from_str(json).map_err(|_| damaged())?;
    let headers = json.into_iter().map(|(name, value)| {
        let value = match value.as_i64() {
            Some(number) => Value::Number(number),
            None => Value::Text(value.as_str().ok_or_else(damaged)?.to_owned()),
        };
        Ok((name, value))
    });
    headers.collect()
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
