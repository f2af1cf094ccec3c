#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { LARGEST = 100 };

/* Asks until it gets a number; ends the program when there is no more input. */
static long ask(const char *question)
{
    char line[64];
    for (;;) {
        printf("%s ", question);
        fflush(stdout);
        if (fgets(line, sizeof line, stdin) == NULL) {
            putchar('\n');
            exit(EXIT_SUCCESS);
        }
        char *end;
        long number = strtol(line, &end, 10);
        if (end != line && *end == '\n')
            return number;
        puts("That is not a number.");
    }
}

int main(void)
{
    srand((unsigned)time(NULL));
    long secret = rand() % LARGEST + 1;
    int tries = 1;

    printf("I think of a number between 1 and %d.\n", LARGEST);
    for (long guess; (guess = ask("Your guess?")) != secret; tries++)
        puts(guess < secret ? "It is larger." : "It is smaller.");

    printf("Right! You needed %d %s.\n", tries, tries == 1 ? "guess" : "guesses");
    return EXIT_SUCCESS;
}
