using Bam.Cli.Launching;
using Shouldly;
using Xunit;

namespace Bam.Cli.Tests.Commands;

/// <summary><c>bam launch</c>, with shell scripts in the place of ranks, and once with Bam itself.</summary>
public sealed class LaunchTests : IDisposable
{
    // Waits in a way that a trapped signal ends at once.
    private const string WaitForSignal = "sleep 300 & wait $!";

    private readonly string directory = Directory.CreateTempSubdirectory("bam-launch-").FullName;
    private readonly StringWriter error = new();
    private readonly Reporter reporter;

    public LaunchTests() => reporter = new Reporter(TextWriter.Synchronized(error));

    public void Dispose()
    {
        reporter.Dispose();
        Directory.Delete(directory, recursive: true);
    }

    [Fact]
    public void Ranks_get_torchruns_variables_a_session_and_their_share_of_the_cores()
    {
        Run(3, """echo $RANK $LOCAL_RANK $WORLD_SIZE $MASTER_ADDR:$MASTER_PORT $OMP_NUM_THREADS > $RANK.env""", port: 29123)
            .ShouldBe(0);
        var threads = Environment.GetEnvironmentVariable("OMP_NUM_THREADS") ?? $"{Math.Max(1, Environment.ProcessorCount / 3)}";
        for (var rank = 0; rank < 3; rank++)
            Read($"{rank}.env").ShouldBe($"{rank} {rank} 3 127.0.0.1:29123 {threads}");
        Run(1, """[ "$(cut -d' ' -f6 /proc/$$/stat)" = $$ ]""").ShouldBe(0);
    }

    [Fact]
    public void Lines_of_other_ranks_are_marked()
    {
        Run(3, """if [ $RANK != 0 ]; then echo result of $RANK; echo "bam: error of $RANK" >&2; fi""").ShouldBe(0);
        error.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries).ShouldBe(
            ["[rank 1] result of 1", "[rank 1] bam: error of 1", "[rank 2] result of 2", "[rank 2] bam: error of 2"],
            ignoreOrder: true);
    }

    [Theory]
    [InlineData("exit 7", 7, "rank 1 ended with status 7")]
    [InlineData("kill -KILL $$", 137, "rank 1 ended with status 137 (SIGKILL)")]
    public void When_a_rank_dies_the_others_are_stopped_and_its_status_is_the_launchs(string death, int status, string line)
    {
        Run(3, $"""
            if [ $RANK = 1 ]; then until [ -e 0.ready ] && [ -e 2.ready ]; do sleep 0.01; done; {death}; fi
            trap '[ -z "$!" ] || kill $!; touch $RANK.stopped; exit 130' TERM
            touch $RANK.ready
            {WaitForSignal}
            """).ShouldBe(status);
        File.Exists(Path.Combine(directory, "0.stopped")).ShouldBeTrue();
        File.Exists(Path.Combine(directory, "2.stopped")).ShouldBeTrue();
        error.ToString().ShouldBe($"launch: {line}; stopping the other ranks\nlaunch: {line}\n");
    }

    [Fact]
    public void A_wrong_request_of_one_rank_outweighs_the_failures_that_follow_from_it() =>
        Run(2, """
            if [ $RANK = 1 ]; then until [ -e 0.ready ]; do sleep 0.01; done; exit 1; fi
            trap '' TERM
            touch 0.ready
            sleep 0.2
            exit 2
            """).ShouldBe(2);

    [Fact]
    public void A_rank_that_does_not_stop_is_killed() =>
        Run(2, """
            if [ $RANK = 1 ]; then until [ -e 0.ready ]; do sleep 0.01; done; exit 1; fi
            trap '' TERM
            touch 0.ready
            while true; do sleep 300; done
            """, patience: 0.2).ShouldBe(1);

    [Fact]
    public void A_rank_that_ends_well_stops_nobody()
    {
        Run(2, "if [ $RANK = 1 ]; then touch done; else until [ -e done ]; do sleep 0.01; done; fi").ShouldBe(0);
        error.ToString().ShouldBeEmpty();
    }

    [Fact]
    public void Cancellation_reaches_every_rank_once_and_waits_for_it()
    {
        using var cancellation = new CancellationTokenSource();
        using var watcher = new FileSystemWatcher(directory, "*.ready");
        using var ready = new CountdownEvent(2);
        watcher.Created += (_, _) => ready.Signal();
        watcher.EnableRaisingEvents = true;
        ThreadPool.RegisterWaitForSingleObject(ready.WaitHandle, (_, _) => cancellation.Cancel(), null, -1, true);
        Should.Throw<OperationCanceledException>(() => Run(2, $"""
            trap '[ -z "$!" ] || kill $!; echo stopped >> $RANK.log; exit 130' TERM
            touch $RANK.ready
            {WaitForSignal}
            """, restarts: 5, cancellation: cancellation.Token));
        Read("0.log").ShouldBe("stopped");
        Read("1.log").ShouldBe("stopped");
        error.ToString().ShouldBeEmpty();
    }

    [Fact]
    public void Restarts_begin_all_again()
    {
        Run(2, """
            echo $TORCHELASTIC_RESTART_COUNT >> $RANK.log
            [ $RANK = 1 ] || exit 0
            [ $TORCHELASTIC_RESTART_COUNT = 2 ] || exit 1
            """, restarts: 5).ShouldBe(0);
        Read("1.log").ShouldBe("0\n1\n2");
        Read("0.log").Split('\n').Length.ShouldBeLessThanOrEqualTo(3);
        error.ToString().ShouldContain("launch: restart 2 of 5\n");
    }

    [Theory]
    [InlineData(1, "0\n1\n2", ", after 2 restarts")]
    [InlineData(139, "0\n1\n2", " (SIGSEGV), after 2 restarts")]
    [InlineData(2, "0", "")]
    [InlineData(130, "0", " (SIGINT)")]
    public void A_wrong_request_and_an_interrupted_rank_are_not_tried_again(int status, string attempts, string end)
    {
        Run(1, $"echo $TORCHELASTIC_RESTART_COUNT >> log; exit {status}", restarts: 2).ShouldBe(status);
        Read("log").ShouldBe(attempts);
        error.ToString().ShouldEndWith($"launch: rank 0 ended with status {status}{end}\n");
    }

    [Fact]
    public void Bam_runs_itself_and_rank_0_writes_the_result()
    {
        var model = RepositoryRoot.PathOf("tests", "fixtures", "bam", "bam-expert-kv");
        var alone = CommandLineRun.Of("inspect", model, "--json");
        var run = TrainProcess.Finish(TrainProcess.StartBam("launch", "--processes", "2", "--", "inspect", model, "--json"));
        run.Status.ShouldBe(0, run.Error);
        run.Output.ShouldBe(alone.Output);
        run.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries).ShouldAllBe(line => line.StartsWith("[rank 1] "));
        run.Error.ShouldContain("[rank 1] {");
    }

    [Fact]
    public void A_training_that_every_rank_refuses_is_not_started_again()
    {
        var config = Path.Combine(directory, "train.yaml");
        File.WriteAllText(config, """
            config: {vocab_size: 32, hidden_size: 64, intermediate_size: 64, num_hidden_layers: 1, num_attention_heads: 2,
              num_key_value_heads: 2, head_dim: 32, max_position_embeddings: 64}
            data: [{domain: text, path: text}]
            output: run
            sequence_length: 32
            batch_size: 2
            steps: 1
            learning_rate: 1e-3
            """);
        var run = TrainProcess.Finish(
            TrainProcess.StartBam("launch", "--processes", "2", "--restarts", "3", "--", "train", config));
        run.Status.ShouldBe(2);
        run.Error.ShouldContain($"{Path.Combine(directory, "text")}");
        run.Error.ShouldContain("launch: rank ");
        run.Error.ShouldNotContain("restart");
        Directory.Exists(Path.Combine(directory, "run")).ShouldBeFalse();
    }

    [Theory]
    [InlineData("--processes 0 -- doctor", "--processes: expected an integer from 1 to 4096, found 0")]
    [InlineData("--processes 2 --restarts -1 -- doctor", "--restarts: expected an integer from 0, found -1")]
    [InlineData("--processes 2 --port 70000 -- doctor", "--port: expected an integer from 0 to 65535, found 70000")]
    [InlineData("--processes 2 -- trian x", "unknown argument 'trian'")]
    [InlineData("--processes 2 -- train x.yaml --stepz", "unknown option '--stepz'")]
    [InlineData("--processes 2 -- launch --processes 2 -- doctor", "COMMAND: expected a command that computes, found launch")]
    [InlineData("--processes 2", "COMMAND")]
    [InlineData("-- doctor", "--processes")]
    public void A_wrong_request_is_refused_once(string arguments, string message)
    {
        var run = CommandLineRun.Of(["launch", .. arguments.Split(' ')]);
        run.Status.ShouldBe(2);
        run.Error.ShouldContain(message);
        run.Error.Count(letter => letter == '\n').ShouldBe(1);
    }

    private string Read(string file) => File.ReadAllText(Path.Combine(directory, file)).TrimEnd();

    private int Run(
        int processes, string script, int restarts = 0, int port = 0, double patience = 60,
        CancellationToken cancellation = default) =>
        Launcher.Run(
            new LaunchOptions(["sh", "-c", $"cd {directory}\n{script}"], processes, port)
            {
                StopPatience = TimeSpan.FromSeconds(patience),
            },
            restarts,
            reporter,
            cancellation);
}
