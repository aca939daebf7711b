//! Work on worker lcores: queues move there, results and panics come back.

use dpdk::{Burst, Eal, EalConfig, Error, Mempool, MempoolConfig, Port, PortConfig};
use std::sync::mpsc;

#[test]
fn work_runs_on_a_worker() {
    let config = EalConfig::new().floating_lcores(3).vdev("net_null0");
    let eal = Eal::init(&config).unwrap();
    let workers = eal.worker_lcores();
    assert_eq!(eal.main_lcore().number(), 0);
    assert_eq!(workers.iter().map(|lcore| lcore.number()).collect::<Vec<_>>(), [1, 2]);

    // A queue goes to the worker and does not come back: the port can then be stopped.
    let mempool = Mempool::create(&eal, "packets", &MempoolConfig::default()).unwrap();
    let mut port = Port::open_by_name(&eal, "net_null0").unwrap();
    port.configure(&PortConfig::default(), &mempool).unwrap();
    let queues = port.start().unwrap();
    let (go, gate) = mpsc::channel();
    let task = eal
        .launch(workers[0], move || {
            // All of the queues, not the one used alone.
            let mut queues = queues;
            gate.recv().unwrap();
            let mut burst = Burst::new();
            let mut count = 0;
            for _ in 0..1000 {
                count += queues.receive[0].receive(&mut burst);
                burst.free_bulk();
            }
            (count, std::thread::current().id())
        })
        .unwrap();
    assert_eq!(task.lcore(), workers[0]);
    assert!(!task.is_finished(), "it waits at the gate");
    assert!(matches!(port.stop(), Err(Error::QueuesInUse { .. })));
    let busy = eal.launch(workers[0], || ()).unwrap_err();
    assert!(
        matches!(busy, Error::Call { function: "rte_eal_remote_launch", errno: libc::EBUSY, .. }),
        "{busy}"
    );
    go.send(()).unwrap();
    let (count, thread) = task.join().unwrap();
    assert_eq!(count, 1000 * Burst::CAPACITY);
    assert_ne!(thread, std::thread::current().id());
    port.stop().unwrap();
    assert_eq!(mempool.in_use(), 0, "the worker's cache counts as available");

    // A panic is the task's result, and the lcore takes work again.
    let task = eal.launch(workers[0], || panic!("on purpose")).unwrap();
    let payload = task.join().unwrap_err();
    assert_eq!(payload.downcast_ref::<&str>(), Some(&"on purpose"));
    assert_eq!(eal.launch(workers[0], || 5).unwrap().join().unwrap(), 5);

    // Dropping a task waits for it.
    let (sender, receiver) = mpsc::channel();
    drop(eal.launch(workers[1], move || sender.send(6)).unwrap());
    assert_eq!(receiver.try_recv(), Ok(6));

    let itself = eal.launch(eal.main_lcore(), || ()).unwrap_err();
    assert!(matches!(itself, Error::InvalidArgument { .. }), "{itself}");
    std::thread::scope(|scope| {
        let elsewhere = scope.spawn(|| eal.launch(workers[0], || ()).map(drop));
        assert_eq!(elsewhere.join().unwrap(), Err(Error::NotMainLcore));
    });
}
