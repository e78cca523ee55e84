//! What an answer is made of, without a word of what it says.

use serde_json::Value;

/// The keys of PayU's samples of failures, in their order. Any other key may be data: PayU has an
/// answer whose keys are a person's accounts.
const KEYS: [&str; 10] = [
    "timestamp",
    "batchId",
    "merchantRefId",
    "status",
    "error",
    "msg",
    "message",
    "code",
    "path",
    "data",
];

/// How deep an answer is described; PayU's samples are three deep.
const DEPTH_MAX: usize = 4;

/// A body's keys and the types of its values, such as
/// `{status: number, code: null, data: [{code: number}]}`; `None` if it is not JSON.
pub fn shape(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    Some(shape_of(&body, DEPTH_MAX))
}

fn shape_of(value: &Value, depth: usize) -> String {
    let below = depth.saturating_sub(1);
    match value {
        Value::Array(_) | Value::Object(_) if depth == 0 => "…".to_owned(),
        Value::Null => "null".to_owned(),
        Value::Bool(_) => "boolean".to_owned(),
        Value::Number(_) => "number".to_owned(),
        Value::String(_) => "text".to_owned(),
        Value::Array(entries) => {
            let first = entries.first().map(|first| shape_of(first, below));
            format!("[{}]", first.unwrap_or_default())
        }
        Value::Object(fields) => {
            let known = KEYS.iter().filter_map(|key| {
                let value = fields.get(*key)?;
                Some(format!("{key}: {}", shape_of(value, below)))
            });
            let known: Vec<String> = known.collect();
            let others = fields.len().checked_sub(known.len()).filter(|others| *others > 0);
            let others = others.map(|_| "…".to_owned());
            let parts: Vec<String> = known.into_iter().chain(others).collect();
            format!("{{{}}}", parts.join(", "))
        }
    }
}
