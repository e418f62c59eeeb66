;; A UTXO, and a script that hands it out in effects: lent in one, for good in the other.
(module
  (import "starstream:std/utxo-context" "[method]utxo-context.implements-method"
    (func $offer (param i32 i64 i64 i64 i64)))
  (import "starstream:std/utxo-context" "[resource-drop]utxo-context" (func $end (param i32)))
  (import "starstream:effects/market" "appraise" (func $appraise (param i32) (result i64)))
  (import "starstream:effects/market" "take" (func $take (param i32 i32)))
  (import "starstream:self/lot" "[static]utxo.open" (func $open (param i64) (result i32)))
  (import "starstream:self/lot" "[method]utxo.worth" (func $worth (param i32) (result i64)))
  (import "[export]lot" "[resource-new]utxo" (func $new (param i32) (result i32)))
  (memory (export "memory") 1)
  (global $context (mut i32) (i32.const 0))
  (global $worth (mut i64) (i64.const 0))

  (func (export "lot#[static]utxo.open") (param i32 i64) (result i32)
    (global.set $context (local.get 0))
    (global.set $worth (local.get 1))
    (call $offer (global.get $context) METHOD(worth))
    (call $offer (global.get $context) METHOD(close))
    (call $new (i32.const 0)))
  (func (export "lot#[method]utxo.worth") (param i32) (result i64) (global.get $worth))
  (func (export "lot#[method]utxo.close") (param i32) (call $end (global.get $context)))
  (func (export "lot#get-storage") (param i32) (result i32)
    (i64.store (i32.const 24) (global.get $worth))
    (i32.const 16))
  (func (export "lot#set-storage") (param i32 i32 i64) (result i32)
    (global.set $context (local.get 0))
    (global.set $worth (local.get 2))
    (call $new (i32.const 0)))

  ;; What the market gives for it, and a thousand times what the lot is worth that came back.
  (func (export "sell") (param i64) (result i64)
    (local $lot i32) (local $price i64)
    (local.set $lot (call $open (local.get 0)))
    (local.set $price (call $appraise (local.get $lot)))
    (call $take (local.get $lot) (i32.const 64))
    (if (i32.load8_u (i32.const 64))
      (then
        (local.set $price
          (i64.add
            (local.get $price)
            (i64.mul (i64.const 1000) (call $worth (i32.load (i32.const 68))))))))
    (local.get $price))
)
