#!/usr/bin/env bash
set -euo pipefail

read -rp "What is your name? " name
echo "Hello, ${name:-you}! What do you want to know?"

PS3="Your choice? "
select choice in "The time" "What is here" "Nothing more"; do
  case $choice in
    "The time") date +%H:%M ;;
    "What is here") ls -l ;;
    "Nothing more") break ;;
    *) echo "Choose 1, 2 or 3." ;;
  esac
done

echo "Goodbye, ${name:-you}."
