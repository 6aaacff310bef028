using System.CommandLine;
using System.Globalization;
using Bam.Configuration;
using Bam.Training;
using Bam.Training.Distributed;
using Spectre.Console;

namespace Bam.Cli.Commands;

/// <summary>Trains one model, or resumes an interrupted training.</summary>
internal sealed class Train : Verb
{
    private readonly Argument<string?> config = new("CONFIG")
    {
        Description = "A YAML file with the model, the data and the training settings",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Option<bool> schema = new("--schema")
    {
        Description = "Print the JSON schema of CONFIG: every key, its range, its default and its meaning",
    };

    public Train()
        : base("train", "Train one model, or resume an interrupted training", "bam train train.yaml")
    {
        Arguments.Add(config);
        Options.Add(schema);
    }

    public override bool TakesRanks => true;

    public override int Execute(Invocation invocation)
    {
        if (invocation.Get(schema))
        {
            invocation.WriteText(ConfigSchema.Write<TrainingConfig>("bam train CONFIG"));
            return ExitStatus.Done;
        }

        var path = invocation.Get(config) ?? throw new InvalidInputException("CONFIG is missing; try: bam train --help");
        var result = Trainer.Run(() => TrainingConfig.Load(path), invocation.Reporter, invocation.Cancellation);
        // Of several processes the first one speaks.
        if (DistributedEnvironment.Current().Rank > 0) return ExitStatus.Done;
        invocation.WriteResult(result, console =>
        {
            var table = new Grid().AddColumn(new GridColumn().NoWrap()).AddColumn();
            table.AddRow("model", ResultText.Label(result.Model));
            table.AddRow("metrics", ResultText.Label(result.Metrics));
            table.AddRow("steps", result.Steps.ToString("N0", CultureInfo.InvariantCulture));
            table.AddRow("tokens", result.Tokens.ToString("N0", CultureInfo.InvariantCulture));
            table.AddRow("tokens/s", result.TokensPerSecond.ToString("N0", CultureInfo.InvariantCulture));
            table.AddRow("core-seconds", result.CoreSeconds.ToString("N1", CultureInfo.InvariantCulture));
            console.Write(table);
        });
        return ExitStatus.Done;
    }
}
