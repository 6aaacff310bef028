namespace Bam.Cli.Tests.Conventions;

/// <summary>
/// A text that changes only on purpose: <c>BAM_APPROVE=1 dotnet test</c> writes the new one, to be reviewed and committed.
/// </summary>
internal static class ApprovedText
{
    public static void ShouldMatch(string file, string actual)
    {
        var path = RepositoryRoot.PathOf("tests", "Bam.Cli.Tests", file);
        if (Environment.GetEnvironmentVariable("BAM_APPROVE") is "1") File.WriteAllText(path, actual);
        var approved = File.Exists(path) ? File.ReadAllText(path) : "";
        if (approved == actual) return;
        var before = approved.Split('\n');
        var after = actual.Split('\n');
        var removed = before.Except(after).Select(line => $"- {line}");
        var added = after.Except(before).Select(line => $"+ {line}");
        throw new Shouldly.ShouldAssertException(
            $"{file} differs; if that is meant, run the tests with BAM_APPROVE=1 and commit it\n"
            + string.Join('\n', removed.Concat(added)));
    }
}
