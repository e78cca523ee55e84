//! One merchant's speed beside another one that loses its connection every second.

use std::time::Duration;

use lapin::options::{QueueBindOptions, QueueDeclareOptions, QueuePurgeOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel};
use smartsend::clock::SystemClock;
use smartsend::ports::Clock;

use crate::ground::{Ground, Limits};
use crate::load;
use crate::process::Process;
use crate::table::{median, text};

/// What the intents may take, as a multiple of what they take alone.
const SLOWER_MAX: f64 = 1.1;
/// How often results are counted. A count costs the broker some microseconds.
const GLANCE: Duration = Duration::from_millis(20);
/// A run that gets no result for so long has failed.
const PATIENCE: Duration = Duration::from_mins(1);
const IN_FLIGHT: usize = 64;
/// The neighbour's work: more than it can do before the other one is through.
const NEIGHBOUR_INTENTS: u32 = 2000;
const NEIGHBOUR: &str = "smartsend.intents.neighbour";
/// The links of the merchant that is measured.
const LINKS: &str = "bench.links";

/// Closes the neighbour's consuming connection every second, and counts how often it did.
const CUT: &str = r#"
    Named = fun(Pid) ->
        [{_, Properties}] = rabbit_networking:connection_info(Pid, [client_properties]),
        case lists:keyfind(<<"connection_name">>, 1, Properties) of
            {_, _, <<"smartsend/consume/neighbour/", _/binary>>} -> true;
            _ -> false
        end
    end,
    Is = fun(Pid) -> try Named(Pid) catch _:_ -> false end end,
    register(bench_cut, spawn(fun Cut() ->
        Found = lists:filter(Is, rabbit_networking:connections()),
        [rabbit_networking:close_connection(Pid, "by the benchmark") || Pid <- Found],
        put(count, length(Found) + case get(count) of undefined -> 0; N -> N end),
        receive {stop, From} -> From ! {count, get(count)} after 1000 -> Cut() end
    end)), ok.
"#;
const CUT_NO_MORE: &str = "bench_cut ! {stop, self()}, receive {count, N} -> N end.";

/// Measures and prints the table, and adds what was missed.
pub(crate) async fn table(ground: &Ground, intents: u32, pairs: usize, missed: &mut Vec<String>) {
    let channel = prepare(ground).await;
    let (mut alone, mut beside, mut cuts) = (Vec::new(), Vec::new(), 0);
    for pair in 0..pairs {
        // Who goes first changes from pair to pair.
        for with_neighbour in [pair % 2 == 1, pair % 2 == 0] {
            let (seconds, cut) = run(ground, &channel, intents, with_neighbour).await;
            eprintln!("neighbour {with_neighbour}: {seconds:.2} s, {cut} connections closed");
            let times = if with_neighbour { &mut beside } else { &mut alone };
            times.push(seconds);
            cuts += cut;
        }
    }
    let ratios = alone.iter().zip(&beside).map(|(alone, beside)| beside / alone);
    let ratio = median(ratios);
    println!(
        "\nA merchant's {intents} intents, alone and beside one whose consuming connection was \
         closed every second ({cuts} times); medians of {pairs} pairs.\n"
    );
    let row = |name: &str, value: String| vec![name.to_owned(), value];
    println!(
        "{}",
        text(&[
            row("alone", format!("{:.2} s", median(alone))),
            row("beside", format!("{:.2} s", median(beside))),
            row("ratio", format!("{ratio:.2}")),
        ])
    );
    if ratio > SLOWER_MAX {
        missed.push(format!(
            "beside a merchant that loses its connection every second, intents took {ratio:.2} of \
             what they take alone, more than {SLOWER_MAX}"
        ));
    }
}

/// Declares the neighbour's queues, and one for the links that are counted.
async fn prepare(ground: &Ground) -> Channel {
    Ground::declare(&ground.configure_with(Limits::only_in_flight(1), &neighbour(ground)));
    let channel = ground.connection().create_channel().await.unwrap();
    let none = FieldTable::default;
    let declared = channel.queue_declare(LINKS.into(), QueueDeclareOptions::durable(), none());
    declared.await.unwrap();
    let (exchange, key) = ("smartsend.results".into(), "link.created.default".into());
    let bound =
        channel.queue_bind(LINKS.into(), exchange, key, QueueBindOptions::default(), none());
    bound.await.unwrap();
    channel
}

/// A second merchant, with enough to do for the whole run.
fn neighbour(ground: &Ground) -> String {
    let url = ground.sandbox_url();
    format!(
        "[merchants.neighbour]\n\
         payout_merchant_id = \"2222\"\n\
         api = \"v1\"\n\
         api_url = \"{url}/payout\"\n\
         auth_url = \"{url}/oauth/token\"\n\
         client_id = \"neighbour\"\n\
         client_secret = \"sandbox-secret\"\n\
         rate_per_second = 50\n\
         burst = 1\n\
         concurrency = 16\n\
         max_amount = \"200000.00\"\n\
         sandbox = true\n"
    )
}

/// How many seconds the intents took from the worker's start, and how many connections were closed.
async fn run(ground: &Ground, channel: &Channel, intents: u32, with_neighbour: bool) -> (f64, u32) {
    ground.clear().await;
    for queue in [LINKS, NEIGHBOUR] {
        let purged = channel.queue_purge(queue.into(), QueuePurgeOptions::default());
        purged.await.unwrap();
    }
    load::fill(ground, intents).await;
    let limits = Limits::only_in_flight(IN_FLIGHT);
    let more = if with_neighbour { neighbour(ground) } else { String::new() };
    if with_neighbour {
        fill_neighbour(channel).await;
        ground.eval(CUT).await;
    }
    let clock = SystemClock::start();
    let mut worker = ground.worker_with(limits, &more);
    let begun = clock.now().steady;
    watch(ground, channel, intents, &mut worker).await;
    let took = clock.now().steady.saturating_sub(begun).as_secs_f64();
    let cuts =
        if with_neighbour { ground.eval(CUT_NO_MORE).await.trim().parse().unwrap() } else { 0 };
    worker.stop();
    (took, cuts)
}

async fn fill_neighbour(channel: &Channel) {
    for number in 0..NEIGHBOUR_INTENTS {
        let body = format!(
            "{{\"merchantRefId\":\"neighbour-{number:06}\",\"amount\":100.50,\
             \"description\":\"Refund\",\"custMobile\":\"9999999999\"}}"
        );
        let (exchange, key) = ("smartsend.intents".into(), "neighbour".into());
        let properties = BasicProperties::default().with_delivery_mode(2);
        let options = lapin::options::BasicPublishOptions::default();
        let sent = channel.basic_publish(exchange, key, options, body.as_bytes(), properties);
        sent.await.unwrap();
    }
}

async fn watch(ground: &Ground, channel: &Channel, intents: u32, worker: &mut Process) {
    let clock = SystemClock::start();
    let (mut seen, mut seen_at) = (0, clock.now().steady);
    while seen < intents {
        let passive = QueueDeclareOptions::durable().passive();
        let found = channel.queue_declare(LINKS.into(), passive, FieldTable::default());
        let (links, now) = (found.await.unwrap().message_count(), clock.now().steady);
        if links > seen {
            (seen, seen_at) = (links, now);
        }
        assert!(
            now.saturating_sub(seen_at) < PATIENCE && !worker.has_ended(),
            "the worker came to a stop after {seen} links:\n{}",
            ground.log("worker.log"),
        );
        tokio::time::sleep(GLANCE).await;
    }
}
