echo "Hello. alcove.toml says what Run does."
