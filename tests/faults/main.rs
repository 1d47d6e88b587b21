//! The service after kills, full disks, lost servers and hostile input: nothing lost, nothing twice.

#[path = "../support/audit.rs"]
mod audit;
mod exactly_once;
mod hostile;
#[path = "../support/house.rs"]
mod house;
#[path = "../support/nats_server.rs"]
mod nats_server;
mod processes;
#[path = "../support/publisher.rs"]
mod publisher;
#[path = "../support/recorded.rs"]
mod recorded;
mod release;
mod replay;
#[path = "../support/workload.rs"]
mod workload;
