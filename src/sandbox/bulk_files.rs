//! The files that were uploaded for bulk Smart Send.

use std::sync::Arc;

use uuid::Uuid;

#[derive(Debug)]
pub(super) struct BulkFile {
    pub(super) id: u64,
    pub(super) merchant: Arc<str>,
    /// Whose token it came with.
    pub(super) client: Arc<str>,
    /// What its client calls it.
    pub(super) name: String,
    /// What the server calls it.
    pub(super) stored_name: String,
    pub(super) added_at_us: u64,
    pub(super) begun_at_us: Option<u64>,
    pub(super) total: usize,
    /// Rows that became links.
    pub(super) made: usize,
    /// Those still to be made, as bodies of creates.
    rows: Vec<String>,
}

#[derive(Debug, Default)]
pub(super) struct BulkFiles(Vec<BulkFile>);

impl BulkFiles {
    /// The id of a new file.
    pub(super) fn add(
        &mut self,
        now_us: u64,
        (merchant, client): (&str, &str),
        name: String,
        rows: Vec<String>,
    ) -> u64 {
        let id = self.0.last().map_or(1, |file| file.id.saturating_add(1));
        let key = Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("{id}/{merchant}/{name}").as_bytes());
        self.0.push(BulkFile {
            id,
            merchant: merchant.into(),
            client: client.into(),
            stored_name: format!("{key}{}.csv", now_us / 1_000),
            name,
            added_at_us: now_us,
            begun_at_us: None,
            total: rows.len(),
            made: 0,
            rows,
        });
        id
    }

    pub(super) fn get(&self, merchant: &str, id: u64) -> Option<&BulkFile> {
        self.0.iter().find(|file| file.id == id && *file.merchant == *merchant)
    }

    /// Gives out the rows of a file that is to be processed. They are given once: what PayU does
    /// with a file that is processed again it does not say, and here that does nothing.
    pub(super) fn begin(&mut self, merchant: &str, id: u64, now_us: u64) -> Option<Vec<String>> {
        let file = self.0.iter_mut().find(|file| file.id == id && *file.merchant == *merchant)?;
        file.begun_at_us.get_or_insert(now_us);
        Some(std::mem::take(&mut file.rows))
    }

    /// Counts a row that became a link.
    pub(super) fn count_made(&mut self, id: u64) {
        if let Some(file) = self.0.iter_mut().find(|file| file.id == id) {
            file.made = file.made.saturating_add(1);
        }
    }
}
