//! Prints what the doctor finds on this machine.

use alcove_spawner::doctor;
use alcove_spawner::sandbox::SandboxConfig;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    for check in doctor::check(&SandboxConfig::new("/bin/true", "/nonexistent")).await {
        println!("{:?} {}: {}", check.state, check.name, check.detail);
        if let Some(remedy) = check.remedy {
            println!("    {remedy}");
        }
    }
}
