from probes.cli.main import main

main()
