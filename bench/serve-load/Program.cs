using System.Globalization;
using System.Text.Json;
using Bam.Bench.ServeLoad;

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
switch (args)
{
    case ["model", var directory, var tokenizer]:
        MixtralModel.Save(directory, tokenizer);
        return 0;
    case ["load", var dialect, var address, var clients, var requests]:
        using (var load = new Load(new Uri(address), Dialects.Named(dialect), int.Parse(clients), int.Parse(requests)))
            Console.WriteLine(JsonSerializer.Serialize(await load.RunAsync(), Figures.Json));
        return 0;
    case ["report", var file, var output]:
        Report.Write(file, output);
        return 0;
    default:
        await Console.Error.WriteLineAsync(
            "usage: model DIRECTORY TOKENIZER | load bam|llama.cpp ADDRESS CLIENTS REQUESTS | report ROUNDS.jsonl OUTPUT");
        return 2;
}
