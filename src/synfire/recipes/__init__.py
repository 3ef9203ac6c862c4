"""Recipes, YAML files of constructor calls with a folder per published system: found, read, checked and built."""
