//! 5.1: what events carry.

use laneway::cloudstack::{
    ActionBody, ActionStatus, AlertBody, BodyError, EventRecord, EventTime, JobBody,
    MAX_BODY_BYTES, StateBody, TimeError, TransitionStatus, UsageBody,
};
use serde_json::json;
use std::time::{Duration, SystemTime};

fn time() -> EventTime {
    "2024-05-17 08:30:05 +0530".parse().unwrap()
}

#[test]
fn an_action() {
    let body = ActionBody {
        user: Some("u".into()),
        account: Some("a".into()),
        project: None,
        event: Some("ACCOUNT.DELETE".into()),
        status: Some(ActionStatus::Scheduled),
        entity: Some("Account".into()),
        entity_uuid: Some("e".into()),
        description: Some("deleting account = 28".into()),
        event_date_time: Some(time()),
        others: [("Account".into(), json!("c1"))].into(),
    };
    let json = concat!(
        r#"{"user":"u","account":"a","event":"ACCOUNT.DELETE","status":"Scheduled","entity":"Account","entityuuid":"e","#,
        r#""description":"deleting account \u003d 28","#,
        r#""eventDateTime":"2024-05-17 08:30:05 +0530","Account":"c1"}"#
    );
    assert_eq!(body.to_json(), json);
    assert_eq!(ActionBody::from_json(json), Ok(body));
}

#[test]
fn an_alert() {
    let json = concat!(
        r#"{"event":"ALERT.MEMORY","dataCenterId":"d","podId":"p","subject":"s","body":"b","#,
        r#""eventDateTime":"2024-05-17 08:30:05 +0530"}"#
    );
    let body = AlertBody::from_json(json).unwrap();
    assert_eq!(body.data_center_id.as_deref(), Some("d"));
    assert_eq!(body.pod_id.as_deref(), Some("p"));
    assert_eq!(body.body.as_deref(), Some("b"));
    assert_eq!(body.event_date_time, Some(time()));
    assert_eq!(body.to_json(), json);
}

#[test]
fn usage() {
    let json = concat!(
        r#"{"account":"a","zone":"z","event":"VM.START","resource":"VirtualMachine","id":"i","#,
        r#""eventDateTime":"2024-05-17 08:30:05 +0530"}"#
    );
    let body = UsageBody::from_json(json).unwrap();
    assert_eq!(
        (body.zone.as_deref(), body.id.as_deref()),
        (Some("z"), Some("i"))
    );
    assert_eq!(body.to_json(), json);
}

#[test]
fn a_state() {
    let json = concat!(
        r#"{"resource":"VirtualMachine","id":"i","old-state":"Starting","new-state":"Running","#,
        r#""status":"postStateTransitionEvent","eventDateTime":"2024-05-17 08:30:05 +0530"}"#
    );
    let body = StateBody::from_json(json).unwrap();
    assert_eq!(body.old_state.as_deref(), Some("Starting"));
    assert_eq!(body.status, Some(TransitionStatus::After));
    assert_eq!(body.to_json(), json);
}

#[test]
fn a_job() {
    let json = concat!(
        r#"{"command":"DeleteAccountCmd","user":"u","account":"a","processStatus":"0","resultCode":"0","instanceUuid":"i","#,
        r#""instanceType":"Account","commandEventType":"ACCOUNT.DELETE","jobId":"j","jobResult":{"success":true},"#,
        r#""cmdInfo":{"id":"i"},"status":"SUCCEEDED","username":"admin"}"#
    );
    let body = JobBody::from_json(json).unwrap();
    assert_eq!(body.command_event_type.as_deref(), Some("ACCOUNT.DELETE"));
    assert_eq!(body.job_result, Some(json!({"success": true})));
    assert_eq!(body.others["username"], "admin");
    assert_eq!(body.to_json(), json);
}

#[test]
fn null_is_absent() {
    let body = ActionBody::from_json(r#"{"user":null,"event":"E","status":null,"x":null}"#);
    let body = body.unwrap();
    assert_eq!(body.to_json(), r#"{"event":"E"}"#);
    assert_eq!(ActionBody::default().to_json(), "{}");
    // A whole event is printed with its nulls.
    let record = EventRecord::from_json("{}").unwrap();
    assert_eq!(
        record.to_json(),
        r#"{"description":null,"eventId":null,"eventType":null,"eventUuid":null,"resourceType":null,"resourceUUID":null}"#
    );
}

#[test]
fn what_nobody_knows_is_kept() {
    let json = r#"{"event":"E","a":[1,{"b":"\u003c"}],"c":1.5,"d":true}"#;
    let body = UsageBody::from_json(json).unwrap();
    assert_eq!(body.others["a"], json!([1, {"b": "<"}]));
    assert_eq!(body.to_json(), json);
}

#[test]
fn others_never_replace_what_is_known() {
    let mut body = UsageBody {
        event: Some("E".into()),
        ..UsageBody::default()
    };
    for key in ["event", "zone", "more"] {
        body.others.insert(key.into(), json!("other"));
    }
    assert_eq!(body.to_json(), r#"{"event":"E","more":"other"}"#);
}

#[test]
fn html_cannot_be_tripped_over() {
    let text = "<a href='x'>&=</a>\u{2028}\u{2029}\"\\/\n\r\t\u{8}\u{c}\u{1}\u{7f} é\u{10ffff}";
    let body = AlertBody {
        subject: Some(text.into()),
        ..AlertBody::default()
    };
    let json = concat!(
        r#"{"subject":"\u003ca href\u003d\u0027x\u0027\u003e\u0026\u003d\u003c/a\u003e\u2028\u2029\"\\/\n\r\t\b\f\u0001"#,
        "\u{7f} é\u{10ffff}\"}"
    );
    assert_eq!(body.to_json(), json);
    assert_eq!(AlertBody::from_json(json), Ok(body));
}

#[test]
fn all_words_are_read_as_they_are_written() {
    for status in [
        ActionStatus::Created,
        ActionStatus::Scheduled,
        ActionStatus::Started,
        ActionStatus::Completed,
    ] {
        let body = ActionBody {
            status: Some(status),
            ..ActionBody::default()
        };
        assert_eq!(body.to_json(), format!(r#"{{"status":"{status}"}}"#));
        assert_eq!(ActionBody::from_json(body.to_json()), Ok(body));
    }
    for status in [TransitionStatus::Before, TransitionStatus::After] {
        let body = StateBody {
            status: Some(status),
            ..StateBody::default()
        };
        assert_eq!(StateBody::from_json(body.to_json()), Ok(body));
    }
}

#[test]
fn bad_bodies_are_refused_by_the_rule_they_break() {
    let member = |json: &str| match ActionBody::from_json(json) {
        Err(BodyError::Member { key, .. }) => key,
        other => panic!("{json}: {other:?}"),
    };
    assert_eq!(member(r#"{"user":1}"#), "user");
    assert_eq!(member(r#"{"event":{}}"#), "event");
    assert_eq!(member(r#"{"status":"started"}"#), "status");
    assert_eq!(member(r#"{"status":3}"#), "status");
    assert_eq!(member(r#"{"eventDateTime":"today"}"#), "eventDateTime");
    let error = ActionBody::from_json(r#"{"status":"Lost"}"#).unwrap_err();
    assert_eq!(
        error.to_string(),
        "status is not Created, Scheduled, Started or Completed"
    );
    let id = EventRecord::from_json(r#"{"eventId":-1}"#).unwrap_err();
    assert!(matches!(id, BodyError::Member { key: "eventId", .. }));
    let deep = format!(r#"{{"x":{}{}}}"#, "[".repeat(200), "]".repeat(200));
    for json in ["", "null", "[]", "7", "{", r#"{"a":1}x"#, "{'a':1}", &deep] {
        let error = ActionBody::from_json(json);
        assert!(matches!(error, Err(BodyError::Json { .. })), "{json}");
    }
    for twice in [r#"{"event":"A","event":"B"}"#, r#"{"x":null,"x":null}"#] {
        let error = ActionBody::from_json(twice).unwrap_err();
        assert!(
            error.to_string().contains("a key is there twice"),
            "{error}"
        );
    }
    assert!(matches!(
        ActionBody::from_json(b"{\"a\":\"\xff\"}"),
        Err(BodyError::Json { .. })
    ));
    let mut long = b"{}".to_vec();
    long.resize(MAX_BODY_BYTES, b' ');
    assert!(ActionBody::from_json(&long).is_ok());
    long.push(b' ');
    assert_eq!(
        ActionBody::from_json(&long),
        Err(BodyError::TooLong { bytes: long.len() })
    );
}

#[test]
fn times() {
    for (text, seconds, offset) in [
        ("1970-01-01 00:00:00 +0000", 0, 0),
        ("1970-01-01 05:30:00 +0530", 0, 330),
        ("1969-12-31 16:30:00 -0730", 0, -450),
        ("2000-02-29 23:59:59 +0000", 951_868_799, 0),
        ("0000-01-01 00:00:00 +0000", -62_167_219_200, 0),
        ("9999-12-31 23:59:59 -2359", 253_402_387_139, -1439),
    ] {
        let time: EventTime = text.parse().unwrap();
        assert_eq!((time.seconds(), time.offset_minutes()), (seconds, offset));
        assert_eq!(time.to_string(), text);
        assert_eq!(EventTime::new(seconds, offset), Some(time));
    }
    for text in [
        "",
        "2024-05-17 08:30:05",
        "2024-05-17 08:30:05 GMT",
        "2024-05-17T08:30:05 +0530",
        "2024-05-17 08:30:05 +05:30",
        "2024-05-17 08:30:05 05300",
        "2024-05-17 08:30:05 +0560",
        "2024-05-17 08:30:05 +2400",
        "2024-05-17 24:00:00 +0000",
        "2024-05-17 17:60:00 +0000",
        "2024-05-17 17:59:60 +0000",
        "2023-13-04 08:30:24 +0000",
        "2023-00-04 08:30:24 +0000",
        "2023-02-29 08:30:24 +0000",
        "2023-09-00 08:30:24 +0000",
        "2024-5-17 08:30:05 +0000 ",
        "+015-09-04 17:59:24 +0000",
    ] {
        assert_eq!(text.parse::<EventTime>(), Err(TimeError), "{text}");
    }
    assert_eq!(EventTime::new(0, 24 * 60), None);
    assert_eq!(EventTime::new(i64::MAX, 0), None);
    assert_eq!(EventTime::new(i64::MIN, i16::MIN), None);
    assert_eq!(EventTime::new(253_402_300_800, 0), None);
    assert!(EventTime::new(253_402_300_800, -1).is_some());
}

#[test]
fn times_of_the_system() {
    let epoch = SystemTime::UNIX_EPOCH;
    let day = Duration::from_secs(86_400);
    assert_eq!(
        EventTime::from(epoch + day).to_system_time(),
        Some(epoch + day)
    );
    let before = EventTime::from(epoch - Duration::from_millis(1));
    assert_eq!(before.to_string(), "1969-12-31 23:59:59 +0000");
    let far = EventTime::from(epoch + day * 10_000_000);
    assert_eq!(far.to_string(), "9999-12-31 23:59:59 +0000");
    let now = EventTime::now();
    assert!(now.seconds() > time().seconds());
}
