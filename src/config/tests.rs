use super::*;

fn layers(file: &str, env: &[(&str, &str)], flags: Vec<Flag>) -> Result<Layers, Error> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tidewatch.toml");
    std::fs::write(&path, file).unwrap();
    let env: Vec<_> = env.iter().map(|&(variable, text)| (variable.to_owned(), text.to_owned())).collect();
    Layers::stack(Some(&path), env.into_iter(), flags)
}

fn problem(file: &str) -> String {
    let error = layers(file, &[], vec![]).and_then(|layers| Config::resolve(&layers)).unwrap_err().to_string();
    error.split_once("tidewatch.toml").map_or(error.clone(), |(_, rest)| rest.into())
}

fn flag(key: &'static str, text: &str) -> Flag {
    Flag { key, text: text.into() }
}

#[test]
fn with_nothing_said_the_defaults_hold_and_are_valid() {
    let config = Config::resolve(&layers("", &[], vec![]).unwrap()).unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.demo, Some(Demo { rate: 40.0, seed: 1 }));
    let durability = Durability::Interval(Duration::from_millis(100));
    assert_eq!(config.nats.server, NatsServer::Managed { binary: None, port: 4222, durability });
}

#[test]
fn a_flag_wins_over_the_environment_and_that_over_the_file() {
    let file = "listen = '127.0.0.1:1'\nroot = 'a'\ndemo_rate = 2.5";
    let env = [("TIDEWATCH_LISTEN", "127.0.0.1:2"), ("TIDEWATCH_ROOT", "b"), ("HOME", "/")];
    let layers = layers(file, &env, vec![flag("listen", "127.0.0.1:3")]).unwrap();
    let config = Config::resolve(&layers).unwrap();
    assert_eq!((config.listen.port(), config.nats.root.as_str(), config.demo.unwrap().rate), (3, "b", 2.5));
    assert_eq!(layers.get("listen").origin.to_string(), "--listen");
    assert_eq!(layers.get("root").origin.to_string(), "TIDEWATCH_ROOT");
    assert!(layers.get("demo_rate").origin.to_string().ends_with("tidewatch.toml:3:13"));
}

#[test]
fn an_error_names_the_line_and_the_key() {
    assert_eq!(
        problem("root = 'tw'\n\nlisten = 'here'"),
        ":3:10: `listen` takes an address and a port, as 127.0.0.1:8080, not \"here\""
    );
    assert_eq!(problem("root = 'tw'\nlisten = = 3"), ":2:10: extra `=`, expected nothing");
    assert_eq!(problem("nats_port = 70000"), ":1:13: `nats_port` takes a port, 0 to 65535, not \"70000\"");
    assert_eq!(
        problem("durability = 'sometimes'"),
        ":1:14: `durability` takes `always` or `interval 100ms`, not \"sometimes\""
    );
}

#[test]
fn an_unknown_key_is_an_error_with_a_suggestion() {
    assert_eq!(problem("lisen = '127.0.0.1:1'"), ":1:1: unknown key `lisen`; did you mean `listen`?");
    assert_eq!(problem("colour = 'red'"), ":1:1: unknown key `colour`; `tidewatch config show` lists the keys");
    assert_eq!(problem("[listen]\nport = 3"), ":1:1: `listen` takes a text, a number, true or false, or a list of texts");
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let file = "lisen = '127.0.0.1:1'\nnats_port = 70000\ndemo_rate = 'fast'\nroot = = 2\nlog_format = 'xml'\n";
    let layers = layers(file, &[("TIDEWATCH_SYNC_INTERVAL", "often")], vec![flag("listen", "here")]).unwrap();
    let error = Config::resolve(&layers).unwrap_err();
    assert!(!error.is_usage());
    let told = error.to_string();
    for fault in [
        "toml:1:1: unknown key `lisen`; did you mean `listen`?",
        "toml:2:13: `nats_port` takes a port",
        "toml:3:13: `demo_rate` takes predictions",
        "toml:4:8: ",
        "toml:5:14: `log_format` takes text or json",
        "TIDEWATCH_SYNC_INTERVAL: `sync_interval` takes a time",
        "--listen: `listen` takes an address",
    ] {
        assert!(told.contains(fault), "{fault}: {told}");
    }
    assert!(told.starts_with("7 faults in the configuration:\n"), "{told}");
}

#[test]
fn a_misspelt_variable_is_told_with_the_one_that_was_meant() {
    assert_eq!(meant_env("TIDEWATCH_LISEN").as_deref(), Some("TIDEWATCH_LISTEN"));
    assert_eq!(meant_env("TIDEWATCH_PORT_8080_TCP"), None);
}

#[test]
fn a_variable_that_names_no_setting_is_reported_and_does_no_harm() {
    let layers = layers("", &[("TIDEWATCH_PORT_8080_TCP", "tcp://10.0.0.1"), ("TIDEWATCH_CONFIG", "x")], vec![]).unwrap();
    assert_eq!(layers.ignored_env, ["TIDEWATCH_PORT_8080_TCP"]);
}

#[test]
fn a_server_of_somebody_gets_no_demo_unless_asked_for() {
    let demo = |env: &[(&str, &str)], flags| Config::resolve(&layers("", env, flags).unwrap()).unwrap().demo.is_some();
    let theirs = ("TIDEWATCH_NATS_URL", "nats://10.0.0.1:4222");
    assert!(demo(&[], vec![]));
    assert!(!demo(&[theirs], vec![]));
    assert!(demo(&[theirs], vec![flag("demo", "true")]));
    assert!(!demo(&[("TIDEWATCH_NO_DEMO", "1")], vec![]));
}

#[test]
fn the_address_all_clients_share_counts_where_nothing_else_is_said() {
    let url = |env: &[(&str, &str)], flags| layers("", env, flags).unwrap().get("nats_url").text.clone();
    let shared = ("NATS_URL", "nats://shared");
    assert_eq!(url(&[shared], vec![]), "nats://shared");
    assert_eq!(url(&[shared, ("TIDEWATCH_NATS_URL", "nats://ours")], vec![]), "nats://ours");
    assert_eq!(url(&[shared], vec![flag("nats_port", "0")]), "");
}

#[test]
fn two_answers_to_which_server_contradict_each_other() {
    let layers = layers("nats_url = 'nats://a'", &[], vec![flag("nats_port", "0")]).unwrap();
    let error = Config::resolve(&layers).unwrap_err();
    assert!(error.to_string().starts_with("`nats_url` ("), "{error}");
    assert!(!error.is_usage());
}

#[test]
fn a_secret_is_not_shown_by_its_debug_form() {
    let env = [("TIDEWATCH_TOKEN", "canary-canary-canary"), ("TIDEWATCH_NATS_URL", "nats://u:canary@h")];
    let config = Config::resolve(&layers("", &env, vec![]).unwrap()).unwrap();
    assert!(!format!("{config:?}").contains("canary"));
    assert_eq!(config.token.unwrap().expose(), "canary-canary-canary");
}

#[test]
fn times_and_sizes_are_read_with_their_unit() {
    assert_eq!(value::duration("250ms"), Ok(Duration::from_millis(250)));
    assert_eq!(value::duration("1.5m"), Ok(Duration::from_secs(90)));
    assert_eq!(value::bytes("64MiB"), Ok(64 << 20));
    for bad in ["", "5", "s", "-1s", "0ms", "1w"] {
        assert!(value::duration(bad).is_err(), "{bad:?}");
    }
    for bad in ["", "0", "1.5MiB", "64MB", "99999999999GiB"] {
        assert!(value::bytes(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn the_agent_may_have_a_table_and_each_of_its_services_one() {
    let file = "[agent]\ninterval = '1s'\nprocesses = ['a', 'b']\n\n[[agent.service]]\nname = 'web'\nhttp = 'http://localhost:8080/healthz'\n\n\
                [[agent.service]]\nname = '데이터'\ntcp = 'localhost:5432'\n[[agent.service]]\nname = 'cron'\nunit = 'cron'\n\
                [[agent.service]]\nprocess = 'nats-server'\nname = 'log'\n";
    let agent = Config::resolve(&layers(file, &[], vec![]).unwrap()).unwrap().agent.unwrap();
    assert_eq!((agent.interval, agent.processes), (Duration::from_secs(1), vec!["a".to_owned(), "b".to_owned()]));
    let services =
        ["web=http://localhost:8080/healthz", "데이터=tcp:localhost:5432", "cron=unit:cron", "log=process:nats-server"];
    assert_eq!(agent.services, services);
    for (file, said) in [
        ("[agent]\nintervall = '1s'", ":2:1: unknown key `agent_intervall`; did you mean `agent_interval`?"),
        ("[agent]\ninterval = 'soon'", ":2:12: `agent_interval` takes"),
        (
            "[[agent.service]]\nname = 'x'",
            ":1:1: `agent_services` takes tables `[[agent.service]]` of a `name` and one of `process`",
        ),
        ("[[agent.service]]\nname = 'x'\ntcp = 'a:1'\nunit = 'b'", ":1:1: `agent_services` takes tables"),
        ("[[agent.service]]\nname = 'x'\ntcp = 'a'", ":1:1: `agent_services` "),
        ("agent_interval = '1s'\n[agent]\ninterval = '2s'", ":3:12 already; give it once"),
    ] {
        let told = problem(file);
        assert!(told.contains(said), "{file}: {told}");
    }
}
