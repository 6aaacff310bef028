using System.Text;
using System.Text.RegularExpressions;
using Bam.Data;
using Bam.Tokenization;

namespace Bam.Bench.Routers;

/// <summary>What a run of <c>bam demo</c> left: four dense models and their domains, the seed's first.</summary>
internal sealed partial class Demo(string run)
{
    private static readonly string[] DomainNames = ["general", "code", "math", "law"];

    public IReadOnlyList<string> Models { get; } =
        [.. new[] { "seed", "code", "math", "law" }.Select(name => Path.Combine(Phase(run, $"train-{name}"), "model"))];

    public IReadOnlyList<string> Domains { get; } =
        [.. DomainNames.Select(name => Path.Combine(Phase(run, $"data-{name}"), "shards"))];

    /// <summary>Writes at least that many tokens of each training domain; none of the text is measured on.</summary>
    public IReadOnlyList<string> WriteTexts(string directory, int tokens)
    {
        var tokenizer = Tokenizer.Load(Models[0]);
        return
        [
            .. DomainNames.Select((name, i) => WriteText(Path.Combine(directory, $"{name}.txt"), Domains[i], tokenizer, tokens)),
        ];
    }

    private static string WriteText(string path, string domain, Tokenizer tokenizer, int tokens)
    {
        using var data = DomainData.Open(domain);
        var text = new StringBuilder();
        var written = 0L;
        for (var i = 0; i < data.Train.DocumentCount && written < tokens; i++)
        {
            var (start, length) = data.Train.Document(i);
            var ids = new int[length];
            data.Train.Read(start, ids);
            text.AppendLine(tokenizer.Decode(ids, skipSpecialTokens: true));
            written += length;
        }

        File.WriteAllText(path, text.ToString());
        return path;
    }

    private static string Phase(string run, string name) =>
        Directory.GetDirectories(Path.Combine(run, "phases"))
            .Single(path => PhaseKey().Replace(Path.GetFileName(path), "") == name);

    [GeneratedRegex("-[0-9a-f]{12}$")]
    private static partial Regex PhaseKey();
}
