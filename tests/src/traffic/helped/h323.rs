//! What do connections of H.323 say? An endpoint and its gatekeeper, calls with the channels they open at once or by H.245.

use super::super::h323::{self, Announced, Channel, Place, Step};
use super::{Random, Sent, Talk};

impl Talk {
    pub(super) fn ras(mut self, random: &mut Random) -> Vec<Sent> {
        let ports = self.ports;
        for _ in 0..1 + random.below(3) {
            let place = self.place(random, 0, &[1720, 1725]);
            let far = self.place(random, 1, &[1720, 1725]);
            let seconds = random.chance(50).then(|| random.pick(&[60, 3600]));
            let from = random.below(2);
            let request = h323::registration_request(random, &[far, place][from..], seconds);
            self.datagram(random, 0, ports, &request);
            let answer = match random.below(6) {
                0..3 => h323::registration_confirm(random, place, seconds),
                3 => h323::admission_confirm(random, far),
                4 => h323::location_confirm(random, far, place),
                _ => h323::gatekeeper_confirm(random, far),
            };
            self.datagram(random, 1, [ports[1], ports[0]], &answer);
            let mut called = self.called(random, 1, place.1);
            called.open();
            called.signals(random);
            self.sent.append(&mut called.sent);
            self.call(random, 0, far.1);
        }
        if random.chance(30) {
            let place = self.place(random, 0, &[1720]);
            let request = h323::unregistration_request(random, place);
            self.datagram(random, 0, ports, &request);
            self.call(random, 1, place.1);
        }
        self.sent
    }

    pub(super) fn q931(mut self, random: &mut Random) -> Vec<Sent> {
        self.open();
        self.signals(random);
        self.sent
    }

    /// A call, and calls to what it announces.
    fn signals(&mut self, random: &mut Random) {
        for (end, step) in
            [(0, Step::Setup), (1, random.pick(&[Step::Alerting, Step::Proceeding])), (1, Step::Connect)]
        {
            let control = random.chance(40).then(|| self.place(random, end, &[1730, 1731]));
            let fast = (0..random.below(3)).map(|_| {
                let channel = self.channel(random, end);
                h323::open_channel(random, &channel)
            });
            let fast = fast.collect();
            let channel = self.channel(random, end);
            let tunnelled =
                if random.chance(25) { vec![h323::open_request(random, &channel)] } else { Vec::new() };
            let message =
                h323::signal(random, step, &Announced { control, fast, tunnelled, forwarded: None });
            self.tell(random, end, &message);
            self.media(random, end);
            if let Some((_, port)) = control.filter(|_| random.chance(60)) {
                let mut called = self.called(random, 1 - end, port);
                called.open();
                for end in [0, 1] {
                    let channel = called.channel(random, end);
                    let message = match end {
                        0 => h323::open_request(random, &channel),
                        _ => h323::open_answer(random, &channel),
                    };
                    called.tell(random, end, &h323::tpkt(&message));
                    called.media(random, end);
                }
                self.sent.append(&mut called.sent);
            }
        }
    }

    /// The other end sends what `end` may await.
    fn media(&mut self, random: &mut Random, end: usize) {
        for _ in 0..1 + random.below(2) {
            let from = 45_000 + random.below(500) as u16;
            let to = random.pick(&MEDIA) + random.below(2) as u16;
            self.datagram(random, 1 - end, [from, to], b"\x80");
        }
        if random.chance(15) {
            self.call(random, 1 - end, MEDIA[0]);
        }
    }

    fn channel(&self, random: &mut Random, end: usize) -> Channel {
        let mut place = |percent| random.chance(percent).then(|| self.place(random, end, &MEDIA));
        Channel { media: [place(70), place(70)], back: [place(20), None], stack: place(10) }
    }

    fn place(&self, random: &mut Random, end: usize, ports: &[u16]) -> Place {
        (self.announced(random, end), random.pick(ports))
    }
}

const MEDIA: [u16; 3] = [5000, 5002, 5004];
