(module
  (memory (export "memory") 1)

  ;; The first kibibyte holds results. Behind it memory is given away and never taken back, because an instance serves
  ;; one call.
  (global $next (mut i32) (i32.const 1024))

  (func $allocate (param $align i32) (param $size i32) (result i32)
    (local $start i32)
    (local.set $start
      (i32.and
        (i32.add (global.get $next) (i32.sub (local.get $align) (i32.const 1)))
        (i32.sub (i32.const 0) (local.get $align))))
    (global.set $next (i32.add (local.get $start) (local.get $size)))
    ;; The sum went past the end of the address space.
    (if (i32.lt_u (global.get $next) (local.get $start)) (then (unreachable)))
    (call $make-room)
    (local.get $start))

  ;; Grows the memory until it reaches $next.
  (func $make-room
    (local $pages i32)
    (local.set $pages
      (i32.sub
        (i32.add (i32.shr_u (i32.sub (global.get $next) (i32.const 1)) (i32.const 16)) (i32.const 1))
        (memory.size)))
    (if (i32.gt_s (local.get $pages) (i32.const 0))
      (then
        (if (i32.eq (memory.grow (local.get $pages)) (i32.const -1)) (then (unreachable))))))

  (func (export "cabi_realloc") (param $old i32) (param $old-size i32) (param $align i32) (param $size i32) (result i32)
    (local $new i32)
    (local.set $new (call $allocate (local.get $align) (local.get $size)))
    (memory.copy (local.get $new) (local.get $old)
      (select (local.get $old-size) (local.get $size) (i32.lt_u (local.get $old-size) (local.get $size))))
    (local.get $new))

  ;; a + b, which must fit.
  (func $add (param $a i64) (param $b i64) (result i64)
    (if (i64.gt_u (local.get $b) (i64.sub (i64.const -1) (local.get $a))) (then (unreachable)))
    (i64.add (local.get $a) (local.get $b)))

  ;; a * b, which must fit; b is not 0.
  (func $multiply (param $a i64) (param $b i64) (result i64)
    (if (i64.gt_u (local.get $a) (i64.div_u (i64.const -1) (local.get $b))) (then (unreachable)))
    (i64.mul (local.get $a) (local.get $b)))

  ;; An item is 24 bytes: name (address at 0, length at 4), unit price at 8, quantity at 16.
  (func $line-price (param $item i32) (result i64)
    (call $multiply
      (i64.load offset=8 (local.get $item))
      (i64.extend_i32_u (i32.load offset=16 (local.get $item)))))

  (func $item (param $items i32) (param $index i32) (result i32)
    (i32.add (local.get $items) (i32.mul (local.get $index) (i32.const 24))))

  (func $without-discount (param $total i64) (param $case i32) (param $value i64) (result i64)
    (if (i32.eq (local.get $case) (i32.const 1))
      (then
        ;; In two parts, so that the product fits.
        (return
          (i64.sub (local.get $total)
            (i64.add
              (i64.mul (i64.div_u (local.get $total) (i64.const 100)) (local.get $value))
              (i64.div_u
                (i64.mul (i64.rem_u (local.get $total) (i64.const 100)) (local.get $value))
                (i64.const 100)))))))
    (if (i32.eq (local.get $case) (i32.const 2))
      (then
        (if (i64.gt_u (local.get $value) (local.get $total)) (then (return (i64.const 0))))
        (return (i64.sub (local.get $total) (local.get $value)))))
    (local.get $total))

  (func $with-service (param $total i64) (param $service i32) (result i64)
    (if (i32.and (local.get $service) (i32.const 1))
      (then (local.set $total (call $add (local.get $total) (i64.const 500)))))
    (if (i32.and (local.get $service) (i32.const 2))
      (then (local.set $total (call $add (local.get $total) (i64.const 250)))))
    (local.get $total))

  ;; The result of `order` stands at 0: its case at 0, and from 8 on either
  ;; a receipt: lines at 8, total at 16, service at 24, note at 28 (case, address, length), or
  ;; a rejection: case at 8, payload from 12 on.
  (func (export "order")
    (param $items i32) (param $count i32) (param $discount i32) (param $discount-value i64) (param $service i32)
    (param $has-note i32) (param $note i32) (param $note-length i32) (result i32)
    (local $index i32) (local $item i32) (local $total i64) (local $unwanted i32) (local $unwanted-count i32)

    (i32.store8 (i32.const 0) (i32.const 1))
    (if (i32.eqz (local.get $count))
      (then
        (i32.store8 (i32.const 8) (i32.const 0))
        (return (i32.const 0))))
    (if (i32.and
          (i32.eq (local.get $discount) (i32.const 1))
          (i64.gt_u (local.get $discount-value) (i64.const 100)))
      (then
        (i32.store8 (i32.const 8) (i32.const 1))
        (i64.store8 (i32.const 12) (local.get $discount-value))
        (return (i32.const 0))))

    (local.set $unwanted (call $allocate (i32.const 4) (i32.mul (local.get $count) (i32.const 8))))
    (loop $lines
      (local.set $item (call $item (local.get $items) (local.get $index)))
      (if (i32.load offset=16 (local.get $item))
        (then
          (local.set $total (call $add (local.get $total) (call $line-price (local.get $item)))))
        (else
          ;; The address and the length of the name.
          (i64.store
            (i32.add (local.get $unwanted) (i32.mul (local.get $unwanted-count) (i32.const 8)))
            (i64.load (local.get $item)))
          (local.set $unwanted-count (i32.add (local.get $unwanted-count) (i32.const 1)))))
      (local.set $index (i32.add (local.get $index) (i32.const 1)))
      (br_if $lines (i32.lt_u (local.get $index) (local.get $count))))
    (if (local.get $unwanted-count)
      (then
        (i32.store8 (i32.const 8) (i32.const 2))
        (i32.store (i32.const 12) (local.get $unwanted))
        (i32.store (i32.const 16) (local.get $unwanted-count))
        (return (i32.const 0))))

    (i32.store8 (i32.const 0) (i32.const 0))
    (i32.store (i32.const 8) (local.get $count))
    (i64.store (i32.const 16)
      (call $with-service
        (call $without-discount (local.get $total) (local.get $discount) (local.get $discount-value))
        (local.get $service)))
    (i32.store8 (i32.const 24) (local.get $service))
    (i32.store8 (i32.const 28) (local.get $has-note))
    (i32.store (i32.const 32) (local.get $note))
    (i32.store (i32.const 36) (local.get $note-length))
    (i32.const 0))

  ;; The result stands at 0: its case at 0, the item from 8 on.
  (func (export "cheapest") (param $items i32) (param $count i32) (result i32)
    (local $index i32) (local $item i32) (local $best i32)
    (if (i32.eqz (local.get $count)) (then (return (i32.const 0))))
    (local.set $best (local.get $items))
    (loop $next-item
      (local.set $item (call $item (local.get $items) (local.get $index)))
      (if (i64.lt_u (i64.load offset=8 (local.get $item)) (i64.load offset=8 (local.get $best)))
        (then (local.set $best (local.get $item))))
      (local.set $index (i32.add (local.get $index) (i32.const 1)))
      (br_if $next-item (i32.lt_u (local.get $index) (local.get $count))))
    (i32.store8 (i32.const 0) (i32.const 1))
    (memory.copy (i32.const 8) (local.get $best) (i32.const 24))
    (i32.const 0)))
