#[test]
fn print() {
    println!("{}", crds::yaml().unwrap());
}
