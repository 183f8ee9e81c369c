//! Server processes, and their CPU time and memory from `/proc`.

use std::{
    env,
    ffi::OsStr,
    fs,
    io::{BufRead, BufReader},
    process::{self, Command, Stdio},
    thread,
    time::Duration,
};

use super::Result;

/// A server process. Dropping this kills it.
pub struct Child {
    process: process::Child,
    addr: String,
}

impl Child {
    /// Starts this benchmark's own executable in another role.
    pub fn of_this_bench(arguments: &[&str]) -> Result<Self> {
        Self::spawn(env::current_exe()?, arguments)
    }

    /// Starts `program` and waits until it prints the address of 127.0.0.1 on which it listens.
    pub fn spawn(program: impl AsRef<OsStr>, arguments: &[&str]) -> Result<Self> {
        let mut process = Command::new(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        let mut lines = BufReader::new(process.stderr.take().expect("it was just piped")).lines();
        let addr = loop {
            let line = lines.next().ok_or("the server ended before it listened")??;
            if let Some(at) = line.find("127.0.0.1:") {
                let port: String = line[at + 10..].chars().take_while(char::is_ascii_digit).collect();
                break format!("127.0.0.1:{port}");
            }
        };
        // A full pipe would block the server.
        thread::spawn(move || lines.for_each(drop));
        Ok(Self { process, addr })
    }

    /// The address on which it listens.
    pub fn addr(&self) -> &str {
        &self.addr
    }

    /// Asks it to stop, and waits until it has.
    pub fn stop(mut self) -> Result<()> {
        Command::new("kill").arg(self.process.id().to_string()).status()?;
        let status = self.process.wait()?;
        if status.success() { Ok(()) } else { Err(format!("the server ended with {status}").into()) }
    }

    /// Its CPU time so far, in user and system mode.
    pub fn cpu_time(&self) -> Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.process.id()))?;
        // The second field is the program's name, which may hold spaces; utime and stime are fields 14 and 15.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
        // Linux counts a hundred ticks a second for user space on every architecture (USER_HZ).
        Ok(Duration::from_millis(ticks * 10))
    }

    /// Its resident memory, in KiB.
    pub fn resident_kib(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
        Ok(line.trim().trim_end_matches(" kB").parse()?)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
