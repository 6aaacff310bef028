using System.Globalization;
using System.Text;
using Bam.Checkpoints;
using Bam.Generation;
using Bam.Tokenization;

namespace Bam.Cli.Commands;

/// <summary>
/// Generated tokens, one a line, with the experts that took them: a digit for each layer's feed-forward expert (k digits where a
/// token has k), and each attention expert's gate as a bar and in per cent, the mean over layers.
/// </summary>
internal sealed class ExpertLines
{
    private const int TokenColumns = 16;
    private const string Digits = "0123456789abcdefghijklmnopqrstuvwxyz";
    private const string Bars = " ▁▂▃▄▅▆▇█";
    private const string FeedForwardTitle = "feed-forward";
    private const int GateColumns = 6;

    private readonly ModelConfig config;
    private readonly Tokenizer tokenizer;
    private readonly int feedForwardColumns;

    /// <summary>Lines for one mixture; <paramref name="names"/> are its experts', null when unknown.</summary>
    public ExpertLines(ModelConfig config, Tokenizer tokenizer, IReadOnlyList<string>? names)
    {
        (this.config, this.tokenizer) = (config, tokenizer);
        var perLayer = config.NumExpertsPerTok == 1 ? 1 : config.NumExpertsPerTok + 1;
        feedForwardColumns = Math.Max(FeedForwardTitle.Length, config.NumHiddenLayers * perLayer);
        var head = new StringBuilder();
        if (names is not null)
        {
            var labels = names.Select((name, expert) => $"{Digit(expert)} {MessageText.Escape(name)}");
            head.Append("experts: ").AppendJoin(", ", labels).Append("\n\n");
        }

        head.Append("token".PadRight(TokenColumns));
        if (config.NumLocalExperts > 1) head.Append("  ").Append(FeedForwardTitle.PadRight(feedForwardColumns));
        if (config.NumAttentionExperts > 1) head.Append("  attention gates, %").Append('\n').Append(GateNumbers());
        Head = head.Append('\n').ToString();
    }

    /// <summary>What stands above the lines.</summary>
    public string Head { get; }

    /// <summary>One token's line.</summary>
    public string LineOf(GeneratedToken token)
    {
        var line = new StringBuilder(Fit(Written(token.Id)));
        if (config.NumLocalExperts > 1)
        {
            var layers = token.Route!.Select(route => string.Concat(route.FeedForwardExperts.Select(Digit)));
            line.Append("  ").Append(string.Join(config.NumExpertsPerTok == 1 ? "" : " ", layers).PadRight(feedForwardColumns));
        }

        if (config.NumAttentionExperts > 1)
        {
            line.Append("  ");
            for (var expert = 0; expert < config.NumAttentionExperts; expert++)
            {
                var gate = token.Route!.Average(route => route.AttentionGates[expert]);
                line.Append(CultureInfo.InvariantCulture, $"{Bars[(int)Math.Round(gate * (Bars.Length - 1))]} {100 * gate,3:0} ");
            }
        }

        return line.ToString().TrimEnd() + '\n';
    }

    private string GateNumbers()
    {
        var left = TokenColumns + 2 + (config.NumLocalExperts > 1 ? feedForwardColumns + 2 : 0);
        var numbers = Enumerable.Range(0, config.NumAttentionExperts)
            .Select(expert => Digit(expert).ToString().PadLeft(GateColumns));
        return new string(' ', left - 1) + string.Concat(numbers);
    }

    // As in a program's text, so that spaces and line breaks can be seen; bytes that are no text by themselves as \x….
    private string Written(int id)
    {
        var bytes = tokenizer.BytesOf(id);
        var text = Encoding.UTF8.GetString(bytes);
        if (text.Contains('\uFFFD')) return string.Concat(bytes.ToArray().Select(value => $"\\x{value:x2}"));
        var quoted = new StringBuilder("\"");
        foreach (var letter in text)
        {
            quoted.Append(letter switch
            {
                '\n' => "\\n",
                '\t' => "\\t",
                '\r' => "\\r",
                _ when char.IsControl(letter) => $"\\x{(int)letter:x2}",
                _ => letter.ToString(),
            });
        }

        return MessageText.Escape(quoted.Append('"').ToString());
    }

    private static string Fit(string text) =>
        text.Length <= TokenColumns ? text.PadRight(TokenColumns) : $"{text[..(TokenColumns - 1)]}…";

    private static char Digit(int expert) => expert < Digits.Length ? Digits[expert] : '+';
}
