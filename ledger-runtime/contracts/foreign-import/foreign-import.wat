(module
  (import "demo:clock/wall@0.1.0" "now" (func $now (result i64)))

  (func (export "hour") (result i64)
    (i64.rem_u (i64.div_u (call $now) (i64.const 3600)) (i64.const 24))))
