using System.Text.Json;
using Bam.Configuration;
using Bam.Evaluation.Tasks.Texts;

namespace Bam.Evaluation.Tasks.Definitions;

/// <summary>How an item is answered.</summary>
internal enum TaskKind
{
    /// <summary>The choice with the highest log-likelihood.</summary>
    MultipleChoice,

    /// <summary>A generated text.</summary>
    Generate,

    /// <summary>A generated program, which is run with the item's tests.</summary>
    Code,
}

/// <summary>How subsets count in the mean.</summary>
internal enum SubsetWeights
{
    Items,
    Equal,
}

/// <summary>A downstream task, as its YAML file declares it. Texts are templates with the fields of a row in braces.</summary>
internal sealed record TaskDefinition : ICheckedSection
{
    [Key("where the data set is published, and which of its files are read", ChangesResult = false)]
    public required string Published { get; init; }

    [Key("how an item is answered")]
    public required TaskKind Kind { get; init; }

    [Key("the text before the whole prompt")]
    public string Description { get; init; } = "";

    [Key("the question of an item, as the model reads it")]
    public string Prompt { get; init; } = "";

    [Key("multiple choice: the choices; a field that holds a list stands for its entries")]
    public IReadOnlyList<string> Choices { get; init; } = [];

    [Key("multiple choice: one question for each choice, where the choices stand in the question and 'target' is scored")]
    public IReadOnlyList<string> Contexts { get; init; } = [];

    [Key("multiple choice with 'contexts': the text that is scored")]
    public string Target { get; init; } = "";

    [Key("the right choice as 'labels' names it; the right text, or a field with a list of them; for code the tests")]
    public required string Answer { get; init; }

    [Key("multiple choice: the names of the choices in 'answer'; where it has several kinds of names, all of one kind first")]
    public IReadOnlyList<string> Labels { get; init; } = [];

    [Key("the text between the question and its answer")]
    public string Delimiter { get; init; } = " ";

    [Key("the few-shot examples before the question")]
    public FewShot FewShot { get; init; } = new();

    [Key("generation ends before the first of these texts")]
    public IReadOnlyList<string> Until { get; init; } = [];

    [Key("the most tokens that are generated", Minimum = 1)]
    public int MaxTokens { get; init; } = 256;

    [Key("what is scored of a generated text; the metrics are computed for each")]
    public IReadOnlyList<TaskFilter> Filters { get; init; } = [];

    [Key("the figures")]
    public required IReadOnlyList<TaskMetric> Metrics { get; init; }

    [Key("names of fields, each with the places where it may lie in a row; the first that is there counts")]
    public IReadOnlyDictionary<string, IReadOnlyList<string>> Fields { get; init; } =
        new Dictionary<string, IReadOnlyList<string>>();

    [Key("the items of a row where a row has several, as data[*].qas[*]; the fields around them belong to each")]
    public IReadOnlyList<string> Items { get; init; } = [];

    [Key("what {history} holds of each earlier item of the same row")]
    public string History { get; init; } = "";

    [Key("the columns of a CSV file whose first line does not name them: it lacks the first of these")]
    public IReadOnlyList<string> Columns { get; init; } = [];

    [Key("a file beside the data with one more field, a value a line")]
    public CompanionFile? Companion { get; init; }

    [Key("which rows are items")]
    public RowRange? Select { get; init; }

    [Key("the subset that a row belongs to; where a folder is given, its files name them")]
    public string Subset { get; init; } = "";

    [Key("the files of a folder; {subset} stands for a subset's name")]
    public IReadOnlyList<TaskFolder> Folder { get; init; } = [];

    [Key("what differs in some subsets; if given, the folder's other subsets are left out")]
    public IReadOnlyDictionary<string, SubsetChange> Subsets { get; init; } = new Dictionary<string, SubsetChange>();

    [Key("whether each subset counts by the number of its items, or all count equally")]
    public SubsetWeights SubsetWeights { get; init; } = SubsetWeights.Items;

    /// <summary>The task of a subset.</summary>
    public TaskDefinition For(string? subset) =>
        subset is not null && Subsets.TryGetValue(subset, out var change)
            ? this with
            {
                Description = change.Description ?? Description,
                Prompt = change.Prompt ?? Prompt,
                FewShot = FewShot with { Count = change.FewShot ?? FewShot.Count },
            }
            : this;

    public void Check(SectionLocation section)
    {
        RequireTemplates(section);
        var isChoice = Kind == TaskKind.MultipleChoice;
        if (isChoice && (Choices.Count == 0) == (Contexts.Count == 0))
            throw section.Fault("kind", "expected 'choices' or 'contexts' for multiple_choice; give one of them");
        if (isChoice && Labels.Count == 0) throw section.Fault("answer", "expected 'labels' for multiple_choice; add them");
        if (Contexts.Count > 0 && Target.Length == 0) throw section.Fault("contexts", "expected 'target' with it; add it");
        if (Contexts.Count == 0 && Prompt.Length == 0 && Subsets.Values.Any(subset => subset.Prompt is null))
            throw section.Fault("prompt", "expected a prompt; add it");
        if (Until.Contains("")) throw section.Fault("until", "key 'until': expected texts, found an empty one; leave it out");
        RequireOnce(section, "filters", Filters.Select(filter => filter.Name));
        if (Metrics.Count == 0) throw section.Fault("metrics", "expected at least one metric; add it");
        RequireOnce(section, "metrics", Metrics.Select(metric => JsonNamingPolicy.SnakeCaseLower.ConvertName($"{metric.Name}")));
        foreach (var metric in Metrics)
        {
            var (isPass, isAccuracy) = (metric.Name == MetricName.PassAt1, metric.Name is MetricName.Acc or MetricName.AccNorm);
            if (isAccuracy != isChoice || isPass != (Kind == TaskKind.Code))
                throw section.Fault("metrics", "expected acc or acc_norm for multiple_choice, pass_at1 for code, "
                    + "exact_match or f1 for generate; change them or the kind");
        }
    }

    // Results are found by these names.
    private static void RequireOnce(SectionLocation section, string key, IEnumerable<string> names)
    {
        if (names.GroupBy(name => name).FirstOrDefault(group => group.Count() > 1) is { Key: var twice })
            throw section.Fault(key, $"key '{key}': expected different names, found {twice} twice; leave one out or rename it");
    }

    private void RequireTemplates(SectionLocation section)
    {
        var keys = new (string Key, IEnumerable<string> Texts)[]
        {
            ("description", [Description]), ("prompt", [Prompt]), ("choices", Choices), ("contexts", Contexts),
            ("target", [Target]), ("answer", [Answer]), ("labels", Labels), ("history", [History]), ("subset", [Subset]),
            ("few_shot", [FewShot.Prompt ?? "", FewShot.Answer ?? ""]),
            ("subsets", Subsets.Values.SelectMany(change => new[] { change.Description ?? "", change.Prompt ?? "" })),
            ("filters", Filters.SelectMany(filter => filter.Steps).Select(step => step.Prepend ?? "")),
        };
        foreach (var (key, texts) in keys)
            foreach (var text in texts) Read(key, () => PromptTemplate.Parse(text));
        foreach (var path in Fields.Values.SelectMany(paths => paths)) Read("fields", () => FieldPath.Parse(path));
        foreach (var path in Items) Read("items", () => FieldPath.Parse(path));
        foreach (var pattern in Filters.SelectMany(filter => filter.Steps).Select(step => step.Regex))
            if (pattern is not null) Read("filters", () => TaskPattern.Of(pattern));
        foreach (var pattern in Metrics.SelectMany(metric => metric.Ignore)) Read("metrics", () => TaskPattern.Of(pattern));

        void Read<T>(string key, Func<T> read)
        {
            try
            {
                read();
            }
            catch (Exception e) when (e is FormatException or ArgumentException)
            {
                throw section.Fault(key, $"key '{key}': {e.Message}");
            }
        }
    }
}

/// <summary>Which examples of <see cref="FewShot"/> are shown.</summary>
internal enum ExampleChoice
{
    /// <summary>Others for each item, drawn as lm-evaluation-harness does with its seed 1234.</summary>
    Random,

    /// <summary>The first ones.</summary>
    FirstN,
}

/// <summary>The few-shot examples before a question.</summary>
internal sealed record FewShot
{
    [Key("how many", Minimum = 0)]
    public int Count { get; init; }

    [Key("whether the number is fixed; --few-shot is then refused", ChangesResult = false)]
    public bool Fixed { get; init; }

    [Key("which of the examples")]
    public ExampleChoice Sampler { get; init; }

    [Key("whether one more is drawn and the item itself left out, as lm-evaluation-harness does without a test split")]
    public bool LeavesOutItem { get; init; }

    [Key("the text after each example")]
    public string Separator { get; init; } = "\n\n";

    [Key("the question of an example, if not as the item's")]
    public string? Prompt { get; init; }

    [Key("the answer of an example, if not the item's")]
    public string? Answer { get; init; }

    [Key("the rows of the items' own file that are examples")]
    public RowRange? Select { get; init; }

    [Key("the examples, by the names of their fields")]
    public IReadOnlyList<IReadOnlyDictionary<string, string>> Examples { get; init; } = [];
}

/// <summary>Rows by the whole number in one of their fields.</summary>
internal sealed record RowRange
{
    [Key("the field")]
    public required string Field { get; init; }

    [Key("the first number")]
    public required long From { get; init; }

    [Key("the last number")]
    public required long To { get; init; }
}

/// <summary>A named chain of steps from a generated text to what is scored.</summary>
internal sealed record TaskFilter
{
    [Key("the name in the results")]
    public required string Name { get; init; }

    [Key("the steps in order")]
    public IReadOnlyList<FilterStep> Steps { get; init; } = [];
}

/// <summary>One step of a filter: exactly one of its keys is given.</summary>
internal sealed record FilterStep : ICheckedSection
{
    [Key("a regular expression; its match, or its first group that is not empty, is taken")]
    public string? Regex { get; init; }

    [Key("which match, from 0; counted from the end if negative")]
    public int Match { get; init; }

    [Key("what a text without a match becomes")]
    public string Fallback { get; init; } = "[invalid]";

    [Key("removes white space at both ends")]
    public bool Strip { get; init; }

    [Key("converts to lower case")]
    public bool Lowercase { get; init; }

    [Key("puts a text with fields of the item before it")]
    public string? Prepend { get; init; }

    public void Check(SectionLocation section)
    {
        var given = new[] { Regex is not null, Strip, Lowercase, Prepend is not null }.Count(isGiven => isGiven);
        if (given != 1) throw section.Fault("regex", "expected one of regex, strip, lowercase, prepend; write several steps");
    }
}

/// <summary>The figures that can be computed.</summary>
internal enum MetricName
{
    Acc,
    AccNorm,
    ExactMatch,
    F1,
    PassAt1,
}

/// <summary>When two answers are the same.</summary>
internal enum AnswerEquality
{
    Text,
    HendrycksMath,
    MinervaMath,
}

/// <summary>A figure, and which differences between answers it ignores.</summary>
internal sealed record TaskMetric
{
    [Key("the figure")]
    public required MetricName Name { get; init; }

    [Key("exact_match: when two answers are the same")]
    public AnswerEquality Equality { get; init; }

    [Key("exact_match: whether differences of case are ignored")]
    public bool IgnoreCase { get; init; }

    [Key("exact_match: whether punctuation is ignored")]
    public bool IgnorePunctuation { get; init; }

    [Key("exact_match: regular expressions whose matches are removed from both answers, in order")]
    public IReadOnlyList<string> Ignore { get; init; } = [];
}

/// <summary>A text file beside the data: its name is the data's with another ending.</summary>
internal sealed record CompanionFile
{
    [Key("what takes the place of the data's extension, as -labels.lst")]
    public required string Ending { get; init; }

    [Key("the field that its lines hold")]
    public required string Field { get; init; }
}

/// <summary>The files of a subset in a folder; <c>*</c> stands for any part of a file's name.</summary>
internal sealed record TaskFolder
{
    [Key("the items")]
    public required string Items { get; init; }

    [Key("the examples")]
    public string? FewShot { get; init; }
}

/// <summary>What differs in a subset.</summary>
internal sealed record SubsetChange
{
    [Key("the text before the whole prompt")]
    public string? Description { get; init; }

    [Key("the question")]
    public string? Prompt { get; init; }

    [Key("the number of examples", Minimum = 0)]
    public int? FewShot { get; init; }
}
