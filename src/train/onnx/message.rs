//! The messages of ONNX that are written, with the numbers of their fields as `onnx.proto3` (1.14) has them.

use prost::Message;

const FLOAT: i32 = 1;
const INT64: i32 = 7;

#[derive(Clone, PartialEq, Message)]
pub struct ModelMessage {
    #[prost(int64, tag = "1")]
    pub ir_version: i64,
    #[prost(string, tag = "2")]
    pub producer_name: String,
    #[prost(string, tag = "3")]
    pub producer_version: String,
    #[prost(message, optional, tag = "7")]
    pub graph: Option<Graph>,
    #[prost(message, repeated, tag = "8")]
    pub opset_import: Vec<OperatorSet>,
    #[prost(message, repeated, tag = "14")]
    pub metadata_props: Vec<Property>,
}

#[derive(Clone, PartialEq, Message)]
pub struct OperatorSet {
    #[prost(string, tag = "1")]
    pub domain: String,
    #[prost(int64, tag = "2")]
    pub version: i64,
}

#[derive(Clone, PartialEq, Message)]
pub struct Property {
    #[prost(string, tag = "1")]
    pub key: String,
    #[prost(string, tag = "2")]
    pub value: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct Graph {
    #[prost(message, repeated, tag = "1")]
    pub node: Vec<NodeMessage>,
    #[prost(string, tag = "2")]
    pub name: String,
    #[prost(message, repeated, tag = "5")]
    pub initializer: Vec<Tensor>,
    #[prost(message, repeated, tag = "11")]
    pub input: Vec<ValueInfo>,
    #[prost(message, repeated, tag = "12")]
    pub output: Vec<ValueInfo>,
}

#[derive(Clone, PartialEq, Message)]
pub struct NodeMessage {
    #[prost(string, repeated, tag = "1")]
    pub input: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    pub output: Vec<String>,
    #[prost(string, tag = "4")]
    pub op_type: String,
    #[prost(message, repeated, tag = "5")]
    pub attribute: Vec<Attribute>,
    #[prost(string, tag = "7")]
    pub domain: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct Attribute {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(float, tag = "2")]
    pub f: f32,
    #[prost(int64, tag = "3")]
    pub i: i64,
    #[prost(bytes = "vec", tag = "4")]
    pub s: Vec<u8>,
    #[prost(float, repeated, tag = "7")]
    pub floats: Vec<f32>,
    #[prost(int64, repeated, tag = "8")]
    pub ints: Vec<i64>,
    #[prost(bytes = "vec", repeated, tag = "9")]
    pub strings: Vec<Vec<u8>>,
    /// 1 for `f`, 2 for `i`, 3 for `s`, 6 for `floats`, 7 for `ints`, 8 for `strings`.
    #[prost(int32, tag = "20")]
    pub kind: i32,
}

#[derive(Clone, PartialEq, Message)]
pub struct Tensor {
    #[prost(int64, repeated, tag = "1")]
    pub dims: Vec<i64>,
    #[prost(int32, tag = "2")]
    pub data_type: i32,
    #[prost(float, repeated, tag = "4")]
    pub float_data: Vec<f32>,
    #[prost(int64, repeated, tag = "7")]
    pub int64_data: Vec<i64>,
    #[prost(string, tag = "8")]
    pub name: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct ValueInfo {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(message, optional, tag = "2")]
    pub kind: Option<Kind>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Kind {
    #[prost(message, optional, tag = "1")]
    pub tensor: Option<TensorKind>,
}

#[derive(Clone, PartialEq, Message)]
pub struct TensorKind {
    #[prost(int32, tag = "1")]
    pub element: i32,
    #[prost(message, optional, tag = "2")]
    pub shape: Option<Shape>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Shape {
    #[prost(message, repeated, tag = "1")]
    pub dimension: Vec<Dimension>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Dimension {
    #[prost(int64, optional, tag = "1")]
    pub value: Option<i64>,
    #[prost(string, optional, tag = "2")]
    pub name: Option<String>,
}

impl OperatorSet {
    pub fn new(domain: &str, version: i64) -> Self {
        Self { domain: domain.to_owned(), version }
    }
}

impl Property {
    pub fn new(key: &str, value: String) -> Self {
        Self { key: key.to_owned(), value }
    }
}

impl NodeMessage {
    pub fn of(op_type: &str, domain: &str, inputs: &[&str], output: &str, attribute: Vec<Attribute>) -> Self {
        Self {
            input: inputs.iter().map(|name| (*name).to_owned()).collect(),
            output: vec![output.to_owned()],
            op_type: op_type.to_owned(),
            attribute,
            domain: domain.to_owned(),
        }
    }
}

impl Attribute {
    fn named(name: &str, kind: i32) -> Self {
        Self { name: name.to_owned(), kind, ..Self::default() }
    }

    pub fn float(name: &str, f: f32) -> Self {
        Self { f, ..Self::named(name, 1) }
    }

    pub fn int(name: &str, i: i64) -> Self {
        Self { i, ..Self::named(name, 2) }
    }

    pub fn text(name: &str, text: &str) -> Self {
        Self { s: text.as_bytes().to_vec(), ..Self::named(name, 3) }
    }

    pub fn floats(name: &str, floats: Vec<f32>) -> Self {
        Self { floats, ..Self::named(name, 6) }
    }

    pub fn ints(name: &str, ints: Vec<i64>) -> Self {
        Self { ints, ..Self::named(name, 7) }
    }

    pub fn texts(name: &str, texts: Vec<String>) -> Self {
        Self { strings: texts.into_iter().map(String::into_bytes).collect(), ..Self::named(name, 8) }
    }
}

impl Tensor {
    pub fn float(name: &str, value: f32) -> Self {
        Self { data_type: FLOAT, float_data: vec![value], dims: vec![1], name: name.to_owned(), ..Self::default() }
    }

    pub fn numbers(name: &str, values: Vec<i64>) -> Self {
        let dims = vec![values.len() as i64];
        Self { data_type: INT64, int64_data: values, dims, name: name.to_owned(), ..Self::default() }
    }
}

impl ValueInfo {
    /// So many floats for each row.
    pub fn floats(name: &str, width: usize) -> Self {
        Self::of(name, FLOAT, vec![Dimension::rows(), Dimension { value: Some(width as i64), name: None }])
    }

    /// A whole number for each row.
    pub fn numbers(name: &str) -> Self {
        Self::of(name, INT64, vec![Dimension::rows()])
    }

    fn of(name: &str, element: i32, dimension: Vec<Dimension>) -> Self {
        let tensor = TensorKind { element, shape: Some(Shape { dimension }) };
        Self { name: name.to_owned(), kind: Some(Kind { tensor: Some(tensor) }) }
    }
}

impl Dimension {
    fn rows() -> Self {
        Self { value: None, name: Some("rows".to_owned()) }
    }
}
