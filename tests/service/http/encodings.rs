//! Every route in every encoding: what is compressed is what is not, and nothing fails half way.

use std::io::Read;

use reqwest::Method;
use reqwest::header::ACCEPT_ENCODING;
use serde_json::json;
use tidewatch::http::access::TABLE;
use tidewatch::telemetry;

use super::access::example;
use super::room::{Room, labelled};

const ENCODINGS: [&str; 5] = ["identity", "gzip", "br", "deflate, zstd", "*"];

fn unpacked(encoding: &str, body: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    match encoding {
        "gzip" => flate2::read::GzDecoder::new(body).read_to_end(&mut plain).map(drop).unwrap(),
        "br" => brotli::Decompressor::new(body, 4096).read_to_end(&mut plain).map(drop).unwrap(),
        "" => plain.extend_from_slice(body),
        other => panic!("nobody asked for {other}"),
    }
    plain
}

#[tokio::test]
async fn every_route_answers_in_every_encoding_to_its_last_byte() {
    telemetry::watch_panics();
    let room = Room::open().await;
    for minute in 0..30 {
        room.publish("prediction", json!([labelled(minute, 0, "1", "1"), labelled(minute, 1, "0", "1")])).await;
    }
    for entry in TABLE.iter() {
        let method = Method::from_bytes(entry.method.as_str().as_bytes()).unwrap();
        for path in [example(&entry.path), example(&entry.path).replace("nobody", "fraud")] {
            for encoding in ENCODINGS {
                let request = room.request(method.clone(), &path).header(ACCEPT_ENCODING, encoding);
                let response = request.send().await.unwrap();
                let (status, context) = (response.status(), format!("{method} {path} in {encoding}"));
                assert_ne!(status, 500, "{context}");
                let told = response.headers().get("content-encoding").map_or("", |told| told.to_str().unwrap()).to_owned();
                let body = response.bytes().await.unwrap_or_else(|error| panic!("{context}: {error}"));
                unpacked(&told, &body);
            }
        }
    }
    assert_eq!(telemetry::PANICS.get(), 0);
}

#[tokio::test]
async fn a_compressed_export_is_the_export() {
    let room = Room::open().await;
    room.publish("prediction", (0..90).map(|minute| labelled(minute, 0, "1", "1")).collect()).await;
    let export = async |encoding: &str| {
        let response = room.request(Method::GET, "/api/v1/export").header(ACCEPT_ENCODING, encoding).send().await.unwrap();
        let told = response.headers().get("content-encoding").map_or("", |told| told.to_str().unwrap()).to_owned();
        assert_eq!(told, if encoding == "identity" { "" } else { encoding });
        unpacked(&told, &response.bytes().await.unwrap())
    };
    let plain = export("identity").await;
    assert!(10_000 < plain.len());
    assert!(export("gzip").await == plain && export("br").await == plain);
}
