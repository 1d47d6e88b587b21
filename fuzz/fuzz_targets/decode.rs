//! Any bytes under any kind: the decoder must return at least one record, at most 10,000, and no fault without a known reason.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidewatch::event::Kind;
use tidewatch::event::wire::{NoTables, RECORDS_MAX, Reason, decode_body};
use tidewatch::ids::Slug;
use tidewatch::time::Timestamp;

fuzz_target!(|input: (u8, &[u8])| {
    let (kind, body) = input;
    let kind = Kind::ALL[usize::from(kind) % Kind::ALL.len()];
    let source = Slug::try_from("fuzz").expect("a plain word is a slug");
    let records = decode_body(kind, &source, None, &(), body, Timestamp::from_millis(1_767_225_600_000), NoTables);
    assert!((1..=RECORDS_MAX).contains(&records.len()));
    for fault in records.iter().filter_map(|record| record.as_ref().err()) {
        assert!(Reason::ALL.iter().any(|reason| reason.as_str() == fault.reason));
    }
});
