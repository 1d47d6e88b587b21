//! What of each model a list shows.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::LazyLock;

use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::http::models::ModelsQuery;
use crate::http::problem::Problem;
use crate::monitor::model::Model;
use crate::view::View;
use crate::view::model::ModelSummary;

const TRAIL: &str = "trail";

/// The fields of a summary with their schemas.
static FIELDS: LazyLock<Map<String, Value>> = LazyLock::new(|| {
    let mut schemas = vec![(ModelSummary::name().into_owned(), ModelSummary::schema())];
    ModelSummary::schemas(&mut schemas);
    let plain = |schema| serde_json::to_value(schema).expect("a schema is plain data");
    let schemas: Value = schemas.into_iter().map(|(name, schema)| (name, plain(schema))).collect();
    let mut fields = Map::new();
    collect(&schemas, &schemas[&*ModelSummary::name()], &mut fields);
    fields
});

/// The schema of a summary with no field that must be there.
pub struct PartialModelSummary;

impl PartialSchema for PartialModelSummary {
    fn schema() -> RefOr<Schema> {
        serde_json::from_value(json!({"type": "object", "properties": *FIELDS})).expect("made of schemas")
    }
}

impl ToSchema for PartialModelSummary {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("PartialModelSummary")
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        ModelSummary::schemas(schemas);
    }
}

/// A model in a list.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Row {
    Whole(Box<ModelSummary>),
    Chosen(Value),
}

/// The fields that are shown; `None`: all.
pub struct Shown {
    fields: Option<BTreeSet<String>>,
    trail: bool,
}

impl Shown {
    pub fn parse(query: &ModelsQuery) -> Result<Self, Problem> {
        let fields: Option<BTreeSet<String>> =
            query.fields.as_ref().map(|list| list.split(',').map(|name| name.trim().to_owned()).collect());
        if let Some(unknown) = fields.iter().flatten().find(|name| !FIELDS.contains_key(*name)) {
            let known: Vec<&str> = FIELDS.keys().map(String::as_str).collect();
            let detail = format!("a model has no field {unknown:?}; it has {}", known.join(", "));
            return Err(Problem::bad_request("unknown-field", detail).with("known", known));
        }
        let trail = query.trail.unwrap_or(true) && fields.as_ref().is_none_or(|fields| fields.contains(TRAIL));
        Ok(Self { fields, trail })
    }

    pub fn row(&self, view: &View, model: &Model) -> Row {
        let summary = if self.trail { ModelSummary::of(view, model) } else { ModelSummary::without_trail(view, model) };
        if self.fields.is_none() && self.trail {
            return Row::Whole(Box::new(summary));
        }
        let mut value = serde_json::to_value(summary).expect("a summary is plain data");
        if let Value::Object(fields) = &mut value {
            let is_shown = |name: &str| self.fields.as_ref().is_none_or(|wanted| wanted.contains(name));
            fields.retain(|name, _| is_shown(name) && (self.trail || name != TRAIL));
        }
        Row::Chosen(value)
    }
}

/// The properties of a schema, those of the schemas it is put together from too.
fn collect(schemas: &Value, schema: &Value, fields: &mut Map<String, Value>) {
    let own = schema["properties"].as_object().into_iter().flatten();
    fields.extend(own.map(|(name, property)| (name.clone(), property.clone())));
    if let Some(name) = schema["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()) {
        collect(schemas, &schemas[name], fields);
    }
    schema["allOf"].as_array().into_iter().flatten().for_each(|part| collect(schemas, part, fields));
}
