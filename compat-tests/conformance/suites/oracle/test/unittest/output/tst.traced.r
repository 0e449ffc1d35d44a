word

