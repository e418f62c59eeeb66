(module
  (import "[export]demo:counting/counters@0.1.0" "[resource-new]counter" (func $new (param i32) (result i32)))
  (memory (export "memory") 1)

  ;; What a counter shows stands in memory, and its address represents it. They are given out one after the other.
  (global $next (mut i32) (i32.const 16))
  (global $highest i64 (i64.const 1000))

  (func $lower (param $a i64) (param $b i64) (result i64)
    (select (local.get $a) (local.get $b) (i64.lt_u (local.get $a) (local.get $b))))

  (func (export "demo:counting/counters@0.1.0#[constructor]counter") (param $start i64) (result i32)
    (local $counter i32)
    (local.set $counter (global.get $next))
    (global.set $next (i32.add (local.get $counter) (i32.const 8)))
    (i64.store (local.get $counter) (call $lower (local.get $start) (global.get $highest)))
    (call $new (local.get $counter)))

  (func (export "demo:counting/counters@0.1.0#[method]counter.increment") (param $counter i32) (result i64)
    (i64.store (local.get $counter)
      (call $lower (i64.add (i64.load (local.get $counter)) (i64.const 1)) (global.get $highest)))
    (i64.load (local.get $counter)))

  (func (export "demo:counting/counters@0.1.0#[static]counter.highest") (result i64)
    (global.get $highest))

  (func (export "demo:counting/counters@0.1.0#clamp") (param $value i64) (result i64)
    (call $lower (local.get $value) (global.get $highest)))

  ;; A borrowed handle of an own resource arrives as what represents it.
  (func (export "demo:counting/counters@0.1.0#sum") (param $list i32) (param $count i32) (result i64)
    (local $sum i64)
    (block $done
      (loop $again
        (br_if $done (i32.eqz (local.get $count)))
        (local.set $sum (i64.add (local.get $sum) (i64.load (i32.load (local.get $list)))))
        (local.set $list (i32.add (local.get $list) (i32.const 4)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $again)))
    (local.get $sum))

  (func (export "cabi_realloc") (param $old i32) (param $old-size i32) (param $align i32) (param $size i32) (result i32)
    (local $start i32)
    (local.set $start
      (i32.and
        (i32.add (global.get $next) (i32.sub (local.get $align) (i32.const 1)))
        (i32.sub (i32.const 0) (local.get $align))))
    (global.set $next (i32.add (local.get $start) (local.get $size)))
    (local.get $start)))
