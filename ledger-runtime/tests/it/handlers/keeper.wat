;; A UTXO that raises an effect with a record, which is answered by a variant, and scripts of the same contract that
;; handle it.
(module
  (import "starstream:std/utxo-context" "[method]utxo-context.resume" (func $resume (param i32)))
  (import "starstream:std/utxo-context" "[method]utxo-context.implements-method"
    (func $offer (param i32 i64 i64 i64 i64)))
  (import "starstream:std/utxo-context" "[resource-drop]utxo-context" (func $end (param i32)))
  (import "starstream:effects/shop" "deal" (func $deal (param i64 i32 i32 i32)))
  (import "starstream:self/keeper" "[static]utxo.open" (func $open (result i32)))
  (import "starstream:self/keeper" "[method]utxo.trade" (func $trade (param i32 i64) (result i64)))
  (import "starstream:utxo/asker" "[method]utxo.ask" (func $ask (param i32 i64) (result i64)))
  (import "ledger:handlers/shop" "install" (func $install))
  (import "ledger:handlers/shop" "uninstall" (func $uninstall))
  (import "ledger:handlers/oracle" "install" (func $install-oracle))
  (import "ledger:handlers/oracle" "uninstall" (func $uninstall-oracle))
  (import "[export]keeper" "[resource-new]utxo" (func $new (param i32) (result i32)))
  (memory (export "memory") 1)
  (global $context (mut i32) (i32.const 0))
  (global $total (mut i64) (i64.const 0))

  (func $offer-all
    (call $offer (global.get $context) METHOD(trade))
    (call $offer (global.get $context) METHOD(install)))

  (func (export "keeper#[static]utxo.open") (param i32) (result i32)
    (global.set $context (local.get 0))
    (call $offer-all)
    (call $new (i32.const 0)))
  ;; Over a hundred it says a limit. The answer is read from the place that it gave for it.
  (func (export "keeper#[method]utxo.trade") (param $self i32) (param $amount i64) (result i64)
    (local $answer i64)
    (call $deal
      (local.get $amount)
      (i64.gt_s (local.get $amount) (i64.const 100))
      (i32.const 7)
      (i32.const 64))
    (local.set $answer
      (if (result i64) (i32.eqz (i32.load8_u (i32.const 64)))
        (then (i64.const -1))
        (else
          (if (result i64) (i32.eq (i32.load8_u (i32.const 64)) (i32.const 1))
            (then (i64.load (i32.const 72)))
            (else
              (i64.add
                (i64.mul (i64.load (i32.const 72)) (i64.const 1000))
                (i64.load8_u (i32.const 80))))))))
    (global.set $total (i64.add (global.get $total) (local.get $answer)))
    (local.get $answer))
  (func (export "keeper#[method]utxo.install") (param i32) (call $install))
  (func (export "keeper#get-storage") (param i32) (result i32)
    (i32.store (i32.const 16) (i32.const 1))
    (i64.store (i32.const 24) (global.get $total))
    (i32.const 16))
  (func (export "keeper#set-storage") (param i32 i32 i64) (result i32)
    (global.set $context (local.get 0))
    (global.set $total (local.get 2))
    (call $new (i32.const 0)))

  ;; What is negative is refused, what has no limit is doubled, and else both are given back.
  (func (export "starstream:effects/shop#deal") (param $amount i64) (param $has-limit i32) (param $limit i32)
    (result i32)
    (i64.store (i32.const 136) (i64.mul (local.get $amount) (i64.const 2)))
    (i32.store8 (i32.const 128) (i32.ge_s (i32.wrap_i64 (local.get $amount)) (i32.const 0)))
    (if (local.get $has-limit)
      (then
        (i32.store8 (i32.const 128) (i32.const 2))
        (i64.store (i32.const 136) (local.get $amount))
        (i32.store8 (i32.const 144) (local.get $limit))))
    (i32.const 128))
  (func (export "starstream:effects/oracle#price") (param i32) (result i64) (i64.const 1))

  (func (export "open") (result i32) (call $open))
  (func (export "trade") (param i32 i64) (result i64)
    (call $install)
    (call $trade (local.get 0) (local.get 1)))
  (func (export "trade-alone") (param i32 i64) (result i64) (call $trade (local.get 0) (local.get 1)))
  (func (export "ask") (param i32 i64) (result i64)
    (call $install-oracle)
    (call $ask (local.get 0) (local.get 1)))
  (func (export "cross") (param i32 i64) (result i64)
    (call $install-oracle)
    (call $install)
    (call $uninstall-oracle)
    (call $trade (local.get 0) (local.get 1))
    (call $uninstall))
)
