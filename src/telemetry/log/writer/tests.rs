//! What the writer keeps, drops and counts.

use std::sync::mpsc;

use super::*;

/// What was written at once, each time.
#[derive(Clone, Default)]
struct Batches(Arc<Mutex<Vec<Vec<u8>>>>);

impl Write for Batches {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().push(bytes.to_vec());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A reader that takes nothing until it is released.
struct Stuck(mpsc::Receiver<()>, Batches);

impl Write for Stuck {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.0.recv();
        self.1.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn lines_are_written_whole_in_order_together_and_within_bounds() {
    const LINES: usize = 1000;
    let written = Batches::default();
    let (writer, flush) = Writer::start(written.clone(), &Metrics::default()).unwrap();
    let line = |thread: usize, number: usize| format!("{thread} {number} {}\n", "x".repeat(200));
    thread::scope(|scope| {
        for thread in 0..4 {
            let writer = &writer;
            scope.spawn(move || {
                (0..LINES).for_each(|n| writer.make_writer().write_all(line(thread, n).as_bytes()).unwrap());
            });
        }
    });
    drop(flush);
    let batches = written.0.lock();
    assert!(batches.iter().all(|batch| batch.len() <= MAX_ORDINARY && batch.ends_with(b"\n")));
    assert!((1..LINES).contains(&batches.len()), "{}", batches.len());
    let text = String::from_utf8(batches.concat()).unwrap();
    for thread in 0..4 {
        let its = text.split_inclusive('\n').filter(|line| line.starts_with(&format!("{thread} ")));
        assert!(its.eq((0..LINES).map(|number| line(thread, number))));
    }
}

#[test]
fn a_stuck_reader_stops_nobody_and_audit_events_are_dropped_last() {
    let (metrics, written) = (Metrics::default(), Batches::default());
    let (release, released) = mpsc::channel();
    let (writer, flush) = Writer::start(Stuck(released, written.clone()), &metrics).unwrap();
    let line = |is_audit: bool, text: &str| {
        LogLine { buffers: &writer.0, is_audit }
            .write_all(format!("{text} {}\n", "x".repeat(1000)).as_bytes())
            .unwrap();
    };
    // Three times what there is room for, even if the thread has taken a batch.
    (0..3 * MAX_ORDINARY / 1000).for_each(|_| line(false, "refused"));
    (0..1000).for_each(|_| line(true, "send"));
    let text = String::from_utf8(metrics.text().unwrap()).unwrap();
    assert!(text.contains(r#"verify_gateway_log_lines_lost_total{kind="other"}"#), "{text}");
    assert!(!text.contains(r#"kind="audit""#), "{text}");
    drop(release);
    drop(flush);
    let text = String::from_utf8(written.0.lock().concat()).unwrap();
    assert_eq!(text.lines().filter(|line| line.starts_with("send")).count(), 1000);
    assert!(text.lines().filter(|line| line.starts_with("refused")).count() < 3 * MAX_ORDINARY / 1000);
}
