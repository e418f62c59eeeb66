;; A script that calls another contract's script, which makes a UTXO of a third contract.
(module
  (import "starstream:utxo/counter" "[static]utxo.start" (func $start (param i64) (result i32)))
  (import "starstream:utxo/counter" "[method]utxo.value" (func $value (param i32) (result i64)))
  (import "starstream:utxo/counter" "upcast" (func $upcast (param i32) (result i32)))
  (import "starstream:contract/scripts" "visit" (func $visit (param i64) (result i32)))
  (import "starstream:contract/scripts" "bump-after-stop" (func $bump-after-stop (param i32)))
  (import "starstream:contract/dynamic-utxo" "value" (func $value-any (param i32) (result i64)))
  (memory (export "memory") 1)
  (func (export "relay") (param i64) (result i64) (call $value (call $visit (local.get 0))))
  (func (export "relay-any") (param i64) (result i64) (call $value-any (call $upcast (call $visit (local.get 0)))))
  (func (export "stop-by-visitor") (param i64) (call $bump-after-stop (call $start (local.get 0))))
)
