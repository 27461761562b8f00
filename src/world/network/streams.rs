//! Connections of a network of streams. Clock-free: who sends is told what becomes of it, and the world says when the ends
//! learn what.
//!
//! There is one connection between two nodes, and it carries both ways. It opens with the first message. When it breaks,
//! everything under way on it is lost, and each end learns of it once, a little later. What an end sends before it has
//! learned goes into the broken connection and is lost as well; so whatever a node sent between two resets either arrives in
//! order, from the first on, or does not arrive, and never does some of it appear behind the other end's reset. The next
//! message after a reset opens the next connection.
//!
//! Somebody who cannot be reached cannot be connected to. That is a connection of its own number, which only those learn to
//! be gone who tried to use it.

/// The connections between all pairs of nodes, which go by their places in the cluster.
#[derive(Debug)]
pub(in crate::world) struct Streams {
    nodes: usize,
    connections: Vec<Connection>,
    /// For each place in the table of packets: which connection of its pair carries the packet there.
    carriers: Vec<u32>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Connection {
    /// Its number, from 1; 0 before the first.
    nth: u32,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum State {
    /// The next message opens another.
    #[default]
    Closed,
    Open,
    /// It is gone, and these ends will learn of it: the one with the lower place, the one with the higher.
    Broken([bool; 2]),
}

/// What becomes of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::world) enum Offer {
    /// The connection takes it; its number.
    Taken(u32),
    /// There is no connection and none can be opened. The sender will have to learn of it.
    Refused,
    /// The connection is gone, and the sender has not learned of it yet.
    Late,
}

/// What the ends of a connection learn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::world) struct News {
    /// The number of the connection that is gone.
    pub nth: u32,
    /// The ends, and whether they learn of it.
    pub ends: [(usize, bool); 2],
}

impl Streams {
    pub fn new(nodes: usize) -> Streams {
        assert!(nodes > 0, "there are nodes to connect");
        Streams { nodes, connections: vec![Connection::default(); nodes * nodes], carriers: Vec::new() }
    }

    fn of(&mut self, one: usize, other: usize) -> &mut Connection {
        assert_ne!(one, other, "a node needs no connection to itself");
        assert!(one < self.nodes && other < self.nodes, "a connection is between two of the nodes");
        &mut self.connections[one.min(other) * self.nodes + one.max(other)]
    }

    /// A message from one to another, who can be reached or cannot.
    pub fn offer(&mut self, from: usize, to: usize, reachable: bool) -> Offer {
        let connection = self.of(from, to);
        match &mut connection.state {
            State::Open => {}
            State::Broken(learns) => {
                assert!(connection.nth > 0, "what is broken has been opened, or tried to be");
                assert!(learns[0] || learns[1], "of what is broken somebody will learn");
                learns[usize::from(from > to)] = true;
                return Offer::Late;
            }
            State::Closed => {
                connection.nth += 1;
                if !reachable {
                    connection.state = State::Broken([from < to, from > to]);
                    return Offer::Refused;
                }
                connection.state = State::Open;
            }
        }
        assert!(connection.nth > 0, "an open connection has a number");
        Offer::Taken(connection.nth)
    }

    /// Breaks a connection. Whether it was open; if so, both ends will have to learn of it.
    pub fn break_off(&mut self, one: usize, other: usize) -> bool {
        let connection = self.of(one, other);
        let was_open = connection.state == State::Open;
        if was_open {
            assert!(connection.nth > 0, "an open connection has a number");
            connection.state = State::Broken([true; 2]);
        }
        was_open
    }

    /// The ends learn that their connection is gone.
    pub fn learn(&mut self, one: usize, other: usize) -> News {
        let connection = self.of(one, other);
        let State::Broken(learns) = std::mem::take(&mut connection.state) else {
            panic!("a connection that is not broken is not learned to be");
        };
        assert!(connection.nth > 0, "what is broken has been opened, or tried to be");
        assert!(learns[0] || learns[1], "somebody learns of it");
        News { nth: connection.nth, ends: [(one.min(other), learns[0]), (one.max(other), learns[1])] }
    }

    /// The packet in this place of the table of packets is carried by the connection of this number.
    pub fn carry(&mut self, place: u32, nth: u32) {
        assert!(nth > 0, "what carries a packet has a number");
        let place = place as usize;
        if place >= self.carriers.len() {
            self.carriers.resize(place + 1, 0);
        }
        self.carriers[place] = nth;
    }

    /// Whether the packet in this place still has the connection that it was sent on.
    pub fn carries(&mut self, from: usize, to: usize, place: u32) -> bool {
        let carrier = self.carriers.get(place as usize).copied().expect("every packet of a stream has a carrier");
        assert!(carrier > 0, "every packet of a stream has a carrier");
        let connection = self.of(from, to);
        assert!(carrier <= connection.nth, "connections are numbered as they are opened");
        connection.state == State::Open && connection.nth == carrier
    }

    /// Checks what holds of every connection; `reachable` says whether two nodes can talk to each other. How many are broken
    /// and not yet learned to be.
    pub fn check(&self, reachable: impl Fn(usize, usize) -> bool) -> usize {
        assert_eq!(self.connections.len(), self.nodes * self.nodes, "there is a place for every pair");
        let mut broken = 0;
        for (place, Connection { nth, state }) in self.connections.iter().enumerate() {
            let (one, other) = (place / self.nodes, place % self.nodes);
            assert!(one < other || *nth == 0, "a connection lies where the lower of its ends says");
            assert!(*nth > 0 || *state == State::Closed, "before the first connection there is none");
            match state {
                State::Closed => {}
                State::Open => assert!(reachable(one, other), "what is cut off, or dead, has no open connection"),
                State::Broken(learns) => {
                    assert!(learns[0] || learns[1], "of what is broken somebody will learn");
                    broken += 1;
                }
            }
        }
        broken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_message_after_a_reset_opens_the_next_connection() {
        let mut streams = Streams::new(3);
        assert_eq!(streams.offer(0, 2, true), Offer::Taken(1));
        assert_eq!(streams.offer(2, 0, true), Offer::Taken(1), "one connection carries both ways");
        streams.carry(5, 1);
        assert!(streams.carries(0, 2, 5));
        assert!(streams.break_off(2, 0));
        assert!(!streams.break_off(2, 0), "it is gone");
        assert_eq!(streams.offer(0, 2, true), Offer::Late);
        assert_eq!(streams.learn(2, 0), News { nth: 1, ends: [(0, true), (2, true)] });
        assert_eq!(streams.offer(0, 2, true), Offer::Taken(2));
        assert!(!streams.carries(0, 2, 5), "what the first one carried is gone with it");
    }

    #[test]
    fn only_who_tried_learns_that_nobody_is_there() {
        let mut streams = Streams::new(2);
        assert_eq!(streams.offer(1, 0, false), Offer::Refused);
        assert_eq!(streams.offer(1, 0, false), Offer::Late);
        assert_eq!(streams.learn(0, 1), News { nth: 1, ends: [(0, false), (1, true)] });
        assert_eq!(streams.offer(1, 0, false), Offer::Refused);
        assert_eq!(streams.offer(0, 1, false), Offer::Late);
        assert_eq!(streams.learn(0, 1), News { nth: 2, ends: [(0, true), (1, true)] });
    }

    #[test]
    #[should_panic(expected = "not learned to be")]
    fn nobody_learns_what_is_not_so() {
        Streams::new(2).learn(0, 1);
    }
}
