(module
  (func (export "run")
    (loop $again (br $again)))

  (func $recurse (export "recurse")
    (call $recurse)
    (call $recurse)))
