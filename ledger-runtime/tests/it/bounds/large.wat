;; A UTXO whose method takes very large types, and a script that calls it by its name.
(module
  (import "starstream:std/utxo-context" "[method]utxo-context.implements-method"
    (func $offer (param i32 i64 i64 i64 i64)))
  (import "starstream:self/box" "[static]utxo.new" (func $make (result i32)))
  (import "starstream:contract/dynamic-utxo" "m" (func $m (param i32 TYPES)))
  (import "[export]box" "[resource-new]utxo" (func $new (param i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "make") (result i32) (call $make))
  (func (export "go") (param i32) (call $m (local.get 0) ZEROS))
  (func (export "box#[static]utxo.new") (param i32) (result i32)
    (call $offer (local.get 0) METHOD(m))
    (call $new (i32.const 8)))
  (func (export "box#[method]utxo.m") (param i32 TYPES))
  (func (export "box#get-storage") (param i32) (result i32) (i32.const 1))
  (func (export "box#set-storage") (param i32) (result i32) (call $new (i32.const 8))))
