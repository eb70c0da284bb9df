//! A name server on loopback that knows a few names.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// The only port at which resolvers look.
const PORT: u16 = 53;
/// The largest query without extensions.
const QUERY_LIMIT: usize = 512;
/// The length of a message's header.
const HEADER: usize = 12;
/// An answer without an error, and one to a name that does not exist: the flags of a server that was
/// asked to recurse, and does.
const KNOWN: [u8; 2] = [0x81, 0x80];
const UNKNOWN: [u8; 2] = [0x81, 0x83];
/// An IPv4 address as a type.
const A: [u8; 2] = [0, 1];

/// See the module. It leads to this machine.
pub struct NameServer {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    thread: Option<JoinHandle<()>>,
}

impl NameServer {
    /// Starts one, if it may listen, at an address of its own.
    pub fn start(known: &[&str]) -> std::io::Result<Self> {
        let [.., high, low] = std::process::id().to_be_bytes();
        let socket = UdpSocket::bind((Ipv4Addr::new(127, 53, high, low), PORT))?;
        let address = socket.local_addr()?;
        let known: Vec<String> = known.iter().map(|&name| name.to_owned()).collect();
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let thread = {
            let asked = Arc::clone(&asked);
            std::thread::spawn(move || serve(&socket, &known, &asked))
        };
        Ok(Self { address, asked, thread: Some(thread) })
    }

    /// Where it listens.
    pub fn address(&self) -> Ipv4Addr {
        match self.address {
            SocketAddr::V4(address) => *address.ip(),
            SocketAddr::V6(address) => panic!("{address} is none of its own"),
        }
    }

    /// The names that it was asked for.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        // An empty message ends it.
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.send_to(&[], self.address).unwrap();
        self.thread.take().unwrap().join().unwrap();
    }
}

fn serve(socket: &UdpSocket, known: &[String], asked: &Mutex<Vec<String>>) {
    let mut buffer = [0; QUERY_LIMIT];
    loop {
        let (length, client) = socket.recv_from(&mut buffer).unwrap();
        if length == 0 {
            return;
        }
        let question = Question::read(&buffer[..length]);
        asked.lock().unwrap().push(question.name.clone());
        let answer = question.answer(known.contains(&question.name));
        socket.send_to(&answer, client).unwrap();
    }
}

struct Question<'q> {
    id: &'q [u8],
    /// Name, type and class, as they were sent.
    bytes: &'q [u8],
    name: String,
}

impl<'q> Question<'q> {
    fn read(query: &'q [u8]) -> Self {
        let (header, body) = query.split_at(HEADER);
        let mut labels = Vec::new();
        let mut position = 0;
        while body[position] != 0 {
            let start = position + 1;
            position = start + usize::from(body[position]);
            labels.push(String::from_utf8_lossy(&body[start..position]).into_owned());
        }
        // The end of the name, the type and the class.
        Self { id: &header[..2], bytes: &body[..position + 5], name: labels.join(".") }
    }

    fn answer(&self, is_known: bool) -> Vec<u8> {
        let kind = &self.bytes[self.bytes.len() - 4..][..2];
        let has_address = is_known && kind == A;
        let flags = if is_known { KNOWN } else { UNKNOWN };
        let counts = [0, 1, 0, u8::from(has_address), 0, 0, 0, 0];
        let mut answer = [self.id, &flags, &counts, self.bytes].concat();
        if has_address {
            // The name of the question, type, class, 60 s to live, and the address.
            answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
            answer.extend(Ipv4Addr::LOCALHOST.octets());
        }
        answer
    }
}
