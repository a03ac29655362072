//! An endpoint that plays a model: it reads, edits, makes the calibrated
//! mistakes and corrects them; and an endpoint as they are: busy, failing,
//! breaking off.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use anchord::bench::dice::Dice;
use anchord::bench::format::{FORMATS, Format};
use anchord::bench::live::{Prompt, instruction};
use anchord::bench::mistakes::{Class, Rates, inject};
use anchord::bench::task::Task;
use serde_json::{Value, json};

/// How often each fault occurs: every so many requests.
const FAULTS: [usize; 4] = [7, 11, 13, 17];

/// A server that goes with the test.
pub(crate) struct Endpoint {
    port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    tasks: Vec<Task>,
    asked: AtomicUsize,
    faults: Mutex<[usize; 4]>,
}

impl Endpoint {
    pub(crate) fn start(tasks: Vec<Task>) -> Endpoint {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Shared { tasks, asked: AtomicUsize::new(0), faults: Mutex::default() };
        let shared = Arc::new(shared);
        let served = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let served = Arc::clone(&served);
                std::thread::spawn(move || served.serve(stream.ok()?));
            }
        });
        Endpoint { port, shared }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Returns how often something was asked.
    pub(crate) fn asked(&self) -> usize {
        self.shared.asked.load(Ordering::SeqCst)
    }

    /// Returns how often each fault occurred.
    pub(crate) fn faults(&self) -> [usize; 4] {
        *self.shared.faults.lock().unwrap()
    }
}

impl Shared {
    /// Answers the requests of one connection.
    fn serve(&self, stream: TcpStream) -> Option<()> {
        let mut reader = BufReader::new(stream.try_clone().ok()?);
        let mut writer = stream;
        loop {
            let (path, body) = request(&mut reader)?;
            let number = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
            let fault = FAULTS.iter().position(|every| number.is_multiple_of(*every));
            if let Some(fault) = fault {
                self.faults.lock().unwrap()[fault] += 1;
            }
            match fault {
                Some(0) => {
                    respond(&mut writer, "429 Too Many Requests", "Retry-After: 0\r\n", "{}")?
                }
                Some(1) => respond(&mut writer, "503 Service Unavailable", "", "no")?,
                Some(2) => return None,
                Some(_) => respond(&mut writer, "200 OK", "", "{\"half\": ")?,
                None => {
                    let answer = self.answer(&path, &serde_json::from_slice(&body).ok()?);
                    respond(&mut writer, "200 OK", "", &answer.to_string())?;
                }
            }
        }
    }

    /// Plays the model.
    fn answer(&self, path: &str, body: &Value) -> Value {
        let messages = body["messages"].as_array().unwrap();
        let openai = path.ends_with("/chat/completions");
        let system = if openai { &messages[0]["content"] } else { &body["system"] };
        let asked = &messages[usize::from(openai)]["content"];
        let task = self.tasks.iter().find(|task| *asked == instruction(task)).unwrap();
        let format = FORMATS.iter().find(|format| *system == Prompt::of(task, format).system);
        let turn = messages.iter().filter(|message| message["role"] == "assistant").count();
        let (name, input) = match turn {
            0 => ("read", json!({"path": task.path})),
            turn => ("edit", json!({"text": edit(task, format.unwrap(), turn)})),
        };
        let id = format!("call-{turn}");
        let usage = json!({
            "prompt_tokens": 900, "completion_tokens": 70, "input_tokens": 900, "output_tokens": 70,
        });
        match openai {
            true => {
                let function = json!({"name": name, "arguments": input.to_string()});
                let call = json!({"id": id, "type": "function", "function": function});
                let message = json!({"role": "assistant", "content": null, "tool_calls": [call]});
                json!({"choices": [{"message": message}], "usage": usage})
            }
            false => {
                let call = json!({"type": "tool_use", "id": id, "name": name, "input": input});
                json!({"content": [call], "usage": usage})
            }
        }
    }
}

/// Returns the edit that a weak model writes at this turn: the more turns, the
/// more likely the right one.
fn edit(task: &Task, format: &Format, turn: usize) -> String {
    let right = format.write(&format.say(task).unwrap()).unwrap();
    let mut dice = Dice::of(1, &[&task.id, format.name, &turn.to_string()]);
    let Some(kind) = Rates::built_in().draw(format.family, Class::Weak, &mut dice) else {
        return right;
    };
    inject(format, task, kind, &mut dice, |_| true).unwrap_or(right)
}

fn request(reader: &mut impl BufRead) -> Option<(String, Vec<u8>)> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|len| *len > 0)?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut len = 0;
    loop {
        line.clear();
        reader.read_line(&mut line).ok().filter(|len| *len > 0)?;
        let Some((name, value)) = line.trim().split_once(':') else { break };
        if name.eq_ignore_ascii_case("content-length") {
            len = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; len];
    reader.read_exact(&mut body).ok()?;
    Some((path, body))
}

fn respond(writer: &mut impl Write, status: &str, more: &str, body: &str) -> Option<()> {
    let len = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len}\r\n{more}\r\n"
    );
    writer.write_all(head.as_bytes()).ok()?;
    writer.write_all(body.as_bytes()).ok()
}
