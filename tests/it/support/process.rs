//! The binary as a process.

use std::{net::SocketAddr, process::Stdio};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines},
    process::{Child, ChildStderr, ChildStdout, Command},
};

const BINARY: &str = env!("CARGO_BIN_EXE_verify-gateway");

/// The binary as a process. Dropping this kills it.
pub struct Process {
    child: Child,
    /// `None` when it is closed.
    out: Option<Lines<BufReader<ChildStdout>>>,
    err: Lines<BufReader<ChildStderr>>,
    seen: String,
}

/// The exit code of a process, its standard error, and its standard output after the last line that was read.
pub struct Ended {
    pub code: Option<i32>,
    pub err: String,
    pub out: String,
}

impl Process {
    /// Starts `verify-gateway` with `arguments`.
    pub fn start(arguments: &[&str]) -> Self {
        Self::spawn(Command::new(BINARY).args(arguments))
    }

    /// Starts it with these environment variables.
    pub fn with_variables(arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        Self::spawn(Command::new(BINARY).args(arguments).envs(variables.iter().copied()))
    }

    /// Starts it with a limit of `descriptors` file descriptors.
    pub fn start_with_few(descriptors: &str, arguments: &[&str]) -> Self {
        let limited = "ulimit -n \"$0\" && exec \"$@\"";
        Self::spawn(Command::new("sh").args(["-c", limited, descriptors, BINARY]).args(arguments))
    }

    /// Starts it with a standard output that nobody reads: writes to it fail.
    pub fn without_out(arguments: &[&str]) -> Self {
        let (_, out) = std::io::pipe().unwrap();
        Self::spawn_with(Command::new(BINARY).args(arguments), out.into())
    }

    fn spawn(command: &mut Command) -> Self {
        Self::spawn_with(command, Stdio::piped())
    }

    fn spawn_with(command: &mut Command, out: Stdio) -> Self {
        let mut child = command
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let out = child.stdout.take().map(|out| BufReader::new(out).lines());
        let err = BufReader::new(child.stderr.take().unwrap()).lines();
        Self { child, out, err, seen: String::new() }
    }

    /// The next line of standard output.
    pub async fn line(&mut self) -> String {
        self.out.as_mut().expect("it is open").next_line().await.unwrap().expect("the process still writes")
    }

    /// Closes standard output: the process can't write to it any more.
    pub fn close_out(&mut self) {
        self.out = None;
    }

    /// The next address of 127.0.0.1 in the log.
    pub async fn logged_addr(&mut self) -> SocketAddr {
        self.logged(addr).await
    }

    /// Reads the log up to the first line for which `read` returns a value.
    pub async fn logged<T>(&mut self, read: impl Fn(&str) -> Option<T>) -> T {
        loop {
            let line = self.err.next_line().await.unwrap().unwrap_or_else(|| panic!("not in the log:\n{}", self.seen));
            self.seen += &line;
            self.seen.push('\n');
            if let Some(found) = read(&line) {
                return found;
            }
        }
    }

    /// The number of open file descriptors.
    pub fn descriptors(&self) -> usize {
        let pid = self.child.id().expect("it runs");
        std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count()
    }

    /// Sends `signal` (`INT`, `TERM`) and waits for the exit.
    pub async fn end(self, signal: &str) -> Ended {
        self.signal(signal).await;
        self.wait().await
    }

    /// Sends `signal`.
    pub async fn signal(&self, signal: &str) {
        let pid = self.child.id().expect("it runs").to_string();
        assert!(Command::new("kill").args([format!("-{signal}"), pid]).status().await.unwrap().success());
    }

    /// Waits for the exit.
    pub async fn wait(mut self) -> Ended {
        let (mut err, mut out) = (self.seen, String::new());
        let mut of_err = self.err.into_inner();
        let rest = async {
            match self.out {
                Some(lines) => lines.into_inner().read_to_string(&mut out).await,
                None => Ok(0),
            }
        };
        let (errors, output, status) = tokio::join!(of_err.read_to_string(&mut err), rest, self.child.wait());
        errors.and(output).unwrap();
        Ended { code: status.unwrap().code(), err, out }
    }
}

/// The first address of 127.0.0.1 in `line`.
pub fn addr(line: &str) -> Option<SocketAddr> {
    let at = line.find("127.0.0.1:")?;
    let port: String = line[at + 10..].chars().take_while(char::is_ascii_digit).collect();
    Some(SocketAddr::from(([127, 0, 0, 1], port.parse().ok()?)))
}
